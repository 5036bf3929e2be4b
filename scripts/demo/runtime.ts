/** The part of a container runtime that calls the flannel plugin. */
import { readFileSync } from 'node:fs'
import { run } from '../../test/support/run.ts'

const binDir = '/opt/cni/bin'
const confFile = '/etc/cni/net.d/10-flannel.conflist'

/** A pod's sandbox, to be attached to the network as eth0. */
export interface Pod {
  readonly name: string
  readonly containerId: string
  /** The network namespace: its name for ip(8), and its path. */
  readonly namespace: string
  readonly netns: string
}

/** The result of ADD, as far as the demo shows it. */
export interface Result {
  readonly interfaces: readonly { readonly name: string; readonly sandbox?: string }[]
  readonly ips: readonly { readonly address: string; readonly gateway: string }[]
}

/** Runs the plugin for a pod; throws when it fails, with its error object. */
export async function callFlannel(command: string, pod: Pod, prevResult?: Result): Promise<string> {
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: pod.containerId,
    CNI_NETNS: pod.netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: binDir,
  }
  const stdin = JSON.stringify({ ...pluginConf(), prevResult })
  const { code, stdout, stderr } = await run([`${binDir}/flannel`], { env, stdin })
  if (code === 0) return stdout
  throw new Error(`${command} of pod ${pod.name} failed: ${stdout}${stderr}`)
}

/** Attaches a pod; also returns how many milliseconds the plugin took. */
export async function attach(pod: Pod): Promise<{ result: Result; ms: number }> {
  const start = performance.now()
  const stdout = await callFlannel('ADD', pod)
  const ms = Math.round(performance.now() - start)
  return { result: JSON.parse(stdout) as Result, ms } // the plugin's own format
}

/** The configuration of one call: the plugin's object in the list, with the list's name. */
function pluginConf(): object {
  const { name, plugins } = JSON.parse(readFileSync(confFile, 'utf8'))
  return { ...plugins[0], name, cniVersion: '1.1.0' }
}
