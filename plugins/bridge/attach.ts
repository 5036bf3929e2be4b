/** What an ADD does, step by step; each step that has to be taken back says how. */
import { CniError, ErrorCode, errorText, withPrefix } from '../../lib/cni/errors.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import type { Interface, Result } from '../../lib/cni/result.ts'
import type { Undo } from '../../lib/cni/undo.ts'
import { portSet } from '../../lib/net/bridge-port.ts'
import { family } from '../../lib/net/ip.ts'
import { linkByIndex, linkList, linkSet, type Link } from '../../lib/net/link.ts'
import { interfaceSysctl } from '../../lib/net/sysctl.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { completeAddressing, type Addressing } from './addressing.ts'
import { ensureBridge, keepBridge } from './bridge.ts'
import type { BridgeConf } from './conf.ts'
import { enableForwarding, ensureGatewayAddress } from './gateway.ts'
import { configureSandbox } from './sandbox.ts'
import { trySysctl } from './try-sysctl.ts'
import {
  createVeth,
  deleteLink,
  hostVethAlias,
  randomMac,
  type Places,
  type VethPair,
} from './veth.ts'
import { configureVlans, ensureVlanGateway } from './vlan.ts'

/** How long the port may take to work once both ends are up, in milliseconds. */
const portTimeoutMs = 2500

/** One ADD of the bridge plugin. */
export interface Attaching {
  readonly conf: BridgeConf
  readonly request: Request
  readonly context: Context
  readonly places: Places
  readonly undo: Undo
}

/** Attaches the container to the bridge. Throws at the first step that fails. */
export function attach(attaching: Attaching): Result {
  const { conf, request, context, places, undo } = attaching
  const bridge = prepareBridge(attaching)
  const pair = createVeth(places, bridge, conf, request, context)
  undo.add(`link ${pair.host.name}`, () => deleteLink(places.host, pair.host))
  preparePort(attaching, pair.host)

  const network =
    conf.ipamType === '' ? attachLayer2(attaching, pair) : attachLayer3(attaching, bridge, pair)

  if (!conf.disableContainerInterface) waitForPort(places.host, pair.host, context)
  linkSet(places.host, pair.host.index, { alias: hostVethAlias(request) })
  const bridgeMac = keepBridge(places.host, bridge, conf, context.log)
  return {
    ...network.result,
    interfaces: [
      { name: bridge.name, mac: bridgeMac },
      { name: pair.host.name, mac: pair.host.mac },
      { name: request.ifName, mac: pair.container.mac, sandbox: request.netns },
      ...network.interfaces,
    ],
    ...(Object.keys(conf.dns).length > 0 && { dns: conf.dns }),
  }
}

function prepareBridge({ conf, context, places: { host }, undo }: Attaching): Link {
  const mac = randomMac(context)
  const bridge = ensureBridge(host, conf, mac, context.log)
  // It has the address that was made up for a new one, so this call has created it.
  if (bridge.mac === mac) undo.add(`link ${bridge.name}`, () => deleteUnused(host, bridge))
  return bridge
}

/** Deletes a bridge that got no port in the meantime. */
function deleteUnused(host: Connection, bridge: Link): void {
  if (linkList(host, { master: bridge.index }).length === 0) deleteLink(host, bridge)
}

function preparePort({ conf, context, places: { host } }: Attaching, port: Link): void {
  trySysctl(interfaceSysctl('ipv6', port.name, 'accept_ra'), '0', context.log)
  // A new port has neither.
  if (conf.hairpinMode) {
    withPrefix(`failed to setup hairpin mode for ${port.name}: `, () =>
      portSet(host, port.index, { hairpin: true }),
    )
  }
  if (conf.portIsolation) {
    withPrefix(`failed to set isolated on for ${port.name}: `, () =>
      portSet(host, port.index, { isolated: true }),
    )
  }
  configureVlans(host, port, conf)
}

interface Attached {
  readonly result: Result
  /** Interfaces beside the bridge and the pair. */
  readonly interfaces: readonly Interface[]
}

function attachLayer2({ conf, places: { sandbox } }: Attaching, pair: VethPair): Attached {
  const { name, index } = pair.container
  if (!conf.disableContainerInterface) {
    withPrefix(`failed to set "${name}" up: `, () => linkSet(sandbox, index, { up: true }))
  }
  return { result: { interfaces: [], ips: [], routes: [], dns: {} }, interfaces: [] }
}

function attachLayer3(attaching: Attaching, bridge: Link, pair: VethPair): Attached {
  const { conf, context, places, undo, request } = attaching
  const ipam = addIpam(attaching)
  undo.add(`IPAM plugin ${conf.ipamType}`, () =>
    context.delegate.run('DEL', conf.ipamType, request, request.stdin),
  )
  const addressing = completeAddressing(conf, ipam)
  // Before the container is up: a stale address of the bridge may only go while no pod is.
  const interfaces = conf.isGateway ? prepareGateway(attaching, bridge, pair, addressing) : []
  configureSandbox(places.netns, places.sandbox, pair.container, conf, addressing, context)
  const { ips, routes } = addressing
  return { result: { interfaces: [], ips, routes, dns: ipam.dns }, interfaces }
}

/**
 * Asks the IPAM plugin for addresses. The sandbox had no interface of this attachment, so whatever
 * the plugin still holds for it is left from a call that died: a refusal is answered by releasing
 * that, and asking once more.
 */
function addIpam({ conf, request, context }: Attaching): Result {
  const { delegate, log } = context
  try {
    return delegate.add(conf.ipamType, request, request.stdin)
  } catch (error) {
    try {
      delegate.run('DEL', conf.ipamType, request, request.stdin)
      const result = delegate.add(conf.ipamType, request, request.stdin)
      log.warn(`released what an interrupted call left (${errorText(error)})`)
      return result
    } catch (second) {
      log.debug(`the second attempt failed too: ${errorText(second)}`)
      throw error
    }
  }
}

function prepareGateway(
  { conf, context, places: { host }, undo }: Attaching,
  bridge: Link,
  pair: VethPair,
  { gateways }: Addressing,
): Interface[] {
  const device =
    conf.vlan === undefined ? bridge : ensureVlanGateway(host, bridge, conf.vlan, context, undo)
  const prefix =
    conf.vlan === undefined
      ? 'failed to set bridge addr: '
      : 'failed to set vlan interface for bridge with addr: '
  const options = {
    forceAddress: conf.forceAddress,
    ownPort: pair.host.index,
    log: context.log,
  }
  for (const gateway of gateways) {
    withPrefix(prefix, () => ensureGatewayAddress(host, device, gateway, options))
  }
  for (const of of new Set(gateways.map(({ ip }) => family(ip)))) enableForwarding(of)
  return device === bridge ? [] : [{ name: device.name, mac: device.mac }]
}

/** Waits until the bridge's port works: the kernel says so shortly after both ends are up. */
function waitForPort(host: Connection, port: Link, { now, sleep }: Context): void {
  const deadline = now() + portTimeoutMs
  for (let delay = 1; ; delay = Math.min(2 * delay, 100)) {
    const state = linkByIndex(host, port.index)?.operState ?? 'gone'
    if (state === 'up') return
    if (now() >= deadline) {
      throw new CniError(
        ErrorCode.internal,
        `bridge port in error state: ${state}`,
        `${port.name} did not come up within ${portTimeoutMs / 1000} s of its other end`,
      )
    }
    sleep(delay)
  }
}
