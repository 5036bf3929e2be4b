/**
 * Kernel parameters that packets of pods depend on. The agent does not set them: that is for whoever
 * runs the node, and for the bridge plugin.
 */
import { hasCode } from '../lib/base/errors.ts'
import type { Family } from '../lib/ip/ip.ts'
import { readSysctl } from '../lib/linux/sysctl.ts'
import type { AgentLog } from './log.ts'
import type { NetworkConf } from './network-conf.ts'

/** What to tell the operator, and how loud. */
export interface Remark {
  readonly level: keyof Pick<AgentLog, 'info' | 'warn'>
  readonly text: string
}

/** The value of a parameter named with slashes; undefined when the kernel has none of that name. */
export type ReadParameter = (name: string) => string | undefined

const throughRules: Readonly<Record<Family, string>> = {
  4: 'net/bridge/bridge-nf-call-iptables',
  6: 'net/bridge/bridge-nf-call-ip6tables',
}

const forwarding: Readonly<Record<Family, string>> = {
  4: 'net/ipv4/ip_forward',
  6: 'net/ipv6/conf/all/forwarding',
}

/** What of the parameters keeps pods of this configuration from what they need, or may do so. */
export function remarksOn(conf: NetworkConf, read: ReadParameter): Remark[] {
  const families = conf.families.map(({ family }) => family)
  return [
    ...(conf.usesNftables ? [] : remarksOnBridge(families, read)),
    ...remarksOnForwarding(families, read),
  ]
}

/** Not looked at with nftables, as upstream. */
function remarksOnBridge(families: readonly Family[], read: ReadParameter): Remark[] {
  const names = families.map((family) => throughRules[family])
  const missing = names.filter((name) => read(name) === undefined)
  const off = names.filter((name) => read(name) === '0')
  const effect =
    'what pods of one node send each other passes by the rules of iptables, so services do not ' +
    'work between them'
  return [
    ...(missing.length === 0
      ? []
      : [
          warning(
            `there is no ${missing.map(dotted).join(' and no ')}: ${effect}; modprobe ` +
              'br_netfilter makes it, and a file in /etc/modules-load.d does so at each start',
          ),
        ]),
    ...off.map((name) =>
      warning(`${dotted(name)} is 0: ${effect}; sysctl -w ${dotted(name)}=1 changes it`),
    ),
  ]
}

function warning(text: string): Remark {
  return { level: 'warn', text }
}

/** No warning: on a node that has had no pod yet this is as it should be. */
function remarksOnForwarding(families: readonly Family[], read: ReadParameter): Remark[] {
  return families
    .map((family) => forwarding[family])
    .filter((name) => read(name) === '0')
    .map((name) => ({
      level: 'info',
      text:
        `${dotted(name)} is 0: packets of pods are not forwarded yet; the bridge plugin sets it to 1 ` +
        `for the first pod, with other plugins do it by sysctl -w ${dotted(name)}=1`,
    }))
}

function dotted(name: string): string {
  return name.replaceAll('/', '.')
}

/** A parameter of the node. Throws Node's system errors, but not when there is no such parameter. */
export function readParameter(name: string): string | undefined {
  try {
    return readSysctl(name)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
