/** What an ADD does, step by step; each step that has to be taken back says how. */
import { fullText } from '../../lib/base/errors.ts'
import { withPrefix } from '../../lib/cni/errors.ts'
import { emptyResult, type Interface, type IpConfig, type Result } from '../../lib/cni/result.ts'
import { type Undo, withUndo } from '../../lib/cni/undo.ts'
import { family } from '../../lib/ip/ip.ts'
import { type Link, linkByIndex, linkByName, linkSet } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { type Addressing, completeAddressing } from './addressing.ts'
import type { Attaching } from './attaching.ts'
import { ensureBridge, joinedBridge, warnOfMtu } from './bridge.ts'
import { enableForwarding, ensureGatewayAddresses } from './gateway.ts'
import { addIpam } from './ipam.ts'
import { setUpMasquerade, tearDownMasquerade } from './masquerade.ts'
import { preparePort, waitForPort } from './port.ts'
import { configureSandbox } from './sandbox.ts'
import { setUpSpoofCheck, spoofCheckId, tearDownSpoofCheck } from './spoof-check.ts'
import { hostVethAlias } from './veth-name.ts'
import { createVeth, type VethPair } from './veth.ts'
import { ensureVlanGateway } from './vlan.ts'

/** How often a bridge is joined that goes away meanwhile. */
const joinAttempts = 3

/** Attaches the container to the bridge. Throws at the first step that fails. */
export function attach(attaching: Attaching): Result {
  const { conf, context } = attaching
  // The link is taken back before all else: only then are its address and the bridge unused.
  return withUndo(context.log, (first) => {
    const { bridge, pair } = join(attaching, first)
    warnOfMtu(bridge, conf, context.log)
    preparePort(attaching, pair.host)
    if (conf.macspoofchk) checkSpoofing(attaching, pair)
    return configure(attaching, bridge, pair)
  })
}

interface Joined {
  readonly bridge: Link
  readonly pair: VethPair
}

/**
 * Makes the links, which `undo` takes back. When the bridge is gone before this one has joined it,
 * because the ADD that made it has failed and took it back, it is made again.
 */
function join(attaching: Attaching, undo: Undo): Joined {
  const { conf, context, places } = attaching
  for (let attempt = 1; ; attempt++) {
    try {
      const found = ensureBridge(attaching)
      const pair = createVeth(attaching, found, undo)
      return { bridge: joinedBridge(places.host, found, conf), pair }
    } catch (error) {
      const isThere = linkByName(places.host, conf.bridge) !== undefined
      if (isThere || attempt === joinAttempts) throw error
      undo.run(context.log)
      context.log.debug(`joining ${conf.bridge} again: ${fullText(error)}`)
    }
  }
}

/** Makes a network of the links that are in place. */
function configure(attaching: Attaching, bridge: Link, pair: VethPair): Result {
  const { conf, request, context, places } = attaching
  const network =
    conf.ipamType === '' ? attachLayer2(attaching, pair) : attachLayer3(attaching, bridge, pair)
  if (!conf.disableContainerInterface) waitForPort(places.host, pair.host, context)
  linkSet(places.host, pair.host.index, { alias: hostVethAlias(request) })
  return {
    ...network.result,
    interfaces: [
      { name: bridge.name, mac: bridge.mac },
      { name: pair.host.name, mac: pair.host.mac },
      { name: request.ifName, mac: pair.container.mac, sandbox: request.netns },
      ...network.interfaces,
    ],
    ...(Object.keys(conf.dns).length > 0 && { dns: conf.dns }),
  }
}

function checkSpoofing({ request, context, undo }: Attaching, pair: VethPair): void {
  const { host, container } = pair
  const id = spoofCheckId(request)
  undo.add('spoof-check', () => tearDownSpoofCheck(id, context))
  setUpSpoofCheck(context.tools, id, host.name, container.mac)
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
  return { result: emptyResult, interfaces: [] }
}

function attachLayer3(attaching: Attaching, bridge: Link, pair: VethPair): Attached {
  const { conf, context, undo, request, places } = attaching
  const ipam = addIpam(conf.ipamType, request, context)
  undo.add(`IPAM plugin ${conf.ipamType}`, () => {
    checkGone(places.host, pair.host)
    context.delegate.run('DEL', conf.ipamType, request, request.stdin)
  })
  const addressing = completeAddressing(conf, ipam)
  // Before the container is up: a stale address of the bridge may only go while no pod is.
  const interfaces = conf.isGateway ? prepareGateway(attaching, bridge, pair, addressing) : []
  configureSandbox(attaching, pair.container, addressing)
  const { ips, routes } = addressing
  if (conf.ipMasq) masquerade(attaching, ips)
  return { result: { interfaces: [], ips, routes, dns: ipam.dns }, interfaces }
}

/** Throws while the link is there: its address may be in use, and the DEL that follows releases it. */
function checkGone(host: Connection, { index, name }: Link): void {
  if (linkByIndex(host, index) !== undefined) throw new Error(`${name} is still there`)
}

function masquerade(attaching: Attaching, ips: readonly IpConfig[]): void {
  const { conf, request, context, places, undo } = attaching
  undo.add('masquerading', () => tearDownMasquerade(request, places.sandbox, context))
  const addresses = ips.map(({ address }) => address)
  setUpMasquerade(conf, request, addresses, context.tools)
}

function prepareGateway(
  attaching: Attaching,
  bridge: Link,
  { host: port }: VethPair,
  { gateways }: Addressing,
): Interface[] {
  const { conf, context, places, undo } = attaching
  const device = conf.vlan === undefined ? bridge : ensureVlanGateway(attaching, bridge)
  const prefix =
    conf.vlan === undefined
      ? 'failed to set bridge addr: '
      : 'failed to set vlan interface for bridge with addr: '
  const options = { forceAddress: conf.forceAddress, bridge, port, log: context.log, undo }
  withPrefix(prefix, () => ensureGatewayAddresses(places.host, device, gateways, options))
  for (const each of new Set(gateways.map(({ ip }) => family(ip)))) enableForwarding(each)
  return device === bridge ? [] : [{ name: device.name, mac: device.mac }]
}
