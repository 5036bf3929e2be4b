/** CHECK: compares the attachment in the kernel with the result of its ADD and the configuration. */
import type { Request } from '../../lib/cni/plugin.ts'
import { requirePrevResult } from '../../lib/cni/prev-result.ts'
import type { Interface, Result } from '../../lib/cni/result.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { vlanList } from '../../lib/net/bridge-vlan.ts'
import { type Link, linkByName } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { checkAddresses, checkGateways, checkRoutes, ownIps } from './check-addressing.ts'
import type { BridgeConf } from './conf.ts'
import { bridgeDifference, difference } from './difference.ts'
import { checkMasquerade } from './masquerade.ts'
import { hasSpoofCheck, spoofCheckId } from './spoof-check.ts'
import { hasVlans } from './vlan-conf.ts'
import { portVlans } from './vlan.ts'

/** Throws a `CniError` that says what differs, at the first difference. */
export function checkAttachment(
  conf: BridgeConf,
  request: Request,
  host: Connection,
  sandbox: Connection,
  tools: Tools,
): void {
  const prevResult = requirePrevResult(request.conf)
  const bridge = checkBridge(conf, prevResult, host)
  const container = checkContainer(conf, prevResult, request, sandbox)
  const port = checkPort(prevResult, bridge, container, host)
  checkSettings(conf, port, container, host)
  checkAddresses(prevResult, request, container, sandbox)
  checkRoutes(prevResult, sandbox)
  if (conf.isGateway) checkGateways(conf, prevResult, request, bridge, host)
  checkRules(conf, request, prevResult, tools)
}

function checkBridge(conf: BridgeConf, { interfaces }: Result, host: Connection): Link {
  const expected = interfaces.find(({ name }) => name === conf.bridge)
  if (expected === undefined) throw difference('Interface name missing ')
  const link = findLink(host, expected)
  if (expected.sandbox !== undefined) {
    throw difference(`Interface ${link.name} should not be in sandbox`)
  }
  if (link.kind !== 'bridge') {
    throw difference(`Interface ${link.name} does not have link type of bridge`)
  }
  if (expected.mac !== undefined && expected.mac !== link.mac) {
    throw difference(`Bridge interface ${link.name} Mac doesn't match: ${expected.mac}`)
  }
  if (!link.up) throw bridgeDifference(`Bridge interface ${link.name} is down`)
  // Somebody who looks at the traffic makes it promiscuous for a while, which is no fault.
  if (conf.promiscMode && !link.promiscuous) {
    throw bridgeDifference(
      `Bridge interface ${link.name} configured Promisc Mode true doesn't match current state: false `,
    )
  }
  return link
}

function checkContainer(
  conf: BridgeConf,
  { interfaces }: Result,
  { ifName, netns }: Request,
  sandbox: Connection,
): Link {
  const expected = interfaces.find((each) => each.name === ifName && each.sandbox === netns)
  if (expected === undefined) {
    const other = interfaces.find(({ name }) => name === ifName)?.sandbox ?? ''
    throw difference(`Sandbox in prevResult ${other} doesn't match configured netns: ${netns}`)
  }
  const link = findLink(sandbox, expected)
  if (link.kind !== 'veth') {
    throw difference(`Error: Container interface ${link.name} not of type veth`)
  }
  if (expected.mac !== undefined && expected.mac !== link.mac) {
    throw difference(
      `Interface ${link.name} Mac ${expected.mac} doesn't match container Mac: ${link.mac}`,
    )
  }
  if (link.up === conf.disableContainerInterface) {
    throw difference(`Interface ${link.name} is ${link.up ? 'up' : 'down'}, which it should not be`)
  }
  return link
}

/** The host's end: the one of prevResult's interfaces that is the container's peer. */
function checkPort({ interfaces }: Result, bridge: Link, container: Link, host: Connection): Link {
  for (const expected of interfaces) {
    if (expected.sandbox !== undefined || expected.name === bridge.name) continue
    const link = linkByName(host, expected.name)
    if (link?.index !== container.parent || link?.master !== bridge.index) continue
    if (expected.mac !== undefined && expected.mac !== link.mac) {
      throw difference(`Interface ${link.name} Mac doesn't match: ${expected.mac} not found`)
    }
    if (!link.up) throw difference(`Interface ${link.name} is down, which it should not be`)
    return link
  }
  throw difference(`CNI veth created for bridge ${bridge.name} was not found`)
}

function checkSettings(conf: BridgeConf, port: Link, container: Link, host: Connection): void {
  for (const { name, mtu } of [port, container]) {
    if (conf.mtu !== undefined && mtu !== conf.mtu) {
      throw difference(`Interface ${name} has MTU ${mtu}, configured is ${conf.mtu}`)
    }
  }
  for (const [what, found, configured] of [
    ['hairpin mode', port.port?.hairpin, conf.hairpinMode],
    ['port isolation', port.port?.isolated, conf.portIsolation],
  ] as const) {
    if (found !== configured) {
      throw difference(`Interface ${port.name} has ${what} ${found}, configured is ${configured}`)
    }
  }
  if (hasVlans(conf)) checkVlans(conf, port, host)
}

function checkVlans(conf: BridgeConf, port: Link, host: Connection): void {
  const found = vlanList(host, port.index)
  for (const vlan of portVlans(conf)) {
    const same = found.find(({ id }) => id === vlan.id)
    if (same?.pvid !== vlan.pvid || same.untagged !== vlan.untagged) {
      throw difference(`Interface ${port.name} is not in VLAN ${vlan.id} as configured`)
    }
  }
}

function checkRules(conf: BridgeConf, request: Request, prevResult: Result, tools: Tools): void {
  if (conf.macspoofchk && !hasSpoofCheck(tools, spoofCheckId(request))) {
    throw difference(`the rule that checks the MAC of ${request.ifName} is missing`)
  }
  if (conf.ipMasq && conf.ipamType !== '') {
    const addresses = ownIps(prevResult, request).map(({ address }) => address)
    checkMasquerade(request, addresses, tools)
  }
}

function findLink(connection: Connection, { name }: Interface): Link {
  const link = linkByName(connection, name)
  if (link === undefined) throw difference(`Interface name ${name} not found`)
  return link
}
