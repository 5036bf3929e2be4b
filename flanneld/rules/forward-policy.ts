/**
 * iptables' chain FORWARD beside rules of nftables: what it drops is dropped, whatever those accept.
 * Docker, say, sets its policy to DROP.
 */
import { iptables } from '../../lib/firewall/iptables.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { dropsByPolicy, hasLegacyTable } from '../../lib/firewall/rule-search.ts'
import { type Cidr, type Family, family, formatCidr } from '../../lib/ip/ip.ts'
import { iptablesPrograms, listLegacy } from './iptables-program.ts'
import { rulesOf } from './rulesets.ts'
import type { NodeNetwork, RulesSpec } from './spec.ts'

const chain = 'FORWARD'

/**
 * What to tell the operator about networks whose forwarded packets iptables drops; undefined when
 * there are none. The kernel is asked: where it can answer no program is started, and no table is
 * made by looking. Throws a `NetlinkError`, and as `Firewall` does.
 */
export function droppedByIptables(tools: Tools, { networks }: RulesSpec): string | undefined {
  const dropped = networks.filter((each) => isDropped(tools, each))
  if (dropped.length === 0) return undefined
  const names = dropped.map(({ network }) => formatCidr(network)).join(' and ')
  const commands = dropped.flatMap(({ network }) => acceptCommands(network)).join('; ')
  return (
    `iptables drops what it forwards: the policy of its chain ${chain} is DROP, which rules of ` +
    `nftables do not override, so packets from and to ${names} are lost; accept them there ` +
    `(${commands}), or set EnableNFTables of the network configuration to false`
  )
}

function isDropped(tools: Tools, networks: NodeNetwork): boolean {
  const of = family(networks.network.ip)
  if (!hasDropPolicy(tools, of)) return false
  if (tools.find(iptablesPrograms[of]) === undefined) return true // the rules that it has cannot be read
  const accepted = rulesOf('forward', networks, false).map((rule) => ({ chain, rule }))
  const missing = iptables(tools).firstMissing({ family: of, name: 'filter' }, accepted)
  return missing !== undefined
}

function hasDropPolicy(tools: Tools, of: Family): boolean {
  if (dropsByPolicy({ family: of, table: 'filter', chain })) return true
  if (!hasLegacyTable(of, 'filter') || tools.find(iptablesPrograms[of]) === undefined) return false
  return listLegacy(tools, of, chain).startsWith(`-P ${chain} DROP\n`)
}

function acceptCommands(network: Cidr): string[] {
  return ['-s', '-d'].map(
    (option) =>
      `${iptablesPrograms[family(network.ip)]} -I ${chain} ${option} ${formatCidr(network)} -j ACCEPT`,
  )
}
