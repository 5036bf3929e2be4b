/** Packet filters for tests that hold for all of them: those of the kernel, and the one in memory. */
import type { Firewall, Listing } from '../../lib/firewall/firewall.ts'
import { iptables } from '../../lib/firewall/iptables.ts'
import { nftables, nftablesOfAnyName } from '../../lib/firewall/nft.ts'
import { Tools } from '../../lib/firewall/node-tool.ts'
import { type Rule, sameRule } from '../../lib/firewall/rule.ts'
import type { Change, Hook, TableName } from '../../lib/firewall/transaction.ts'
import type { Family } from '../../lib/ip/ip.ts'
import { Netns } from '../../lib/linux/netns.ts'
import { addNamespace, kernelSkip, type Scope } from '../../scripts/lab/node.ts'
import { FakeFirewall } from './fake-firewall.ts'

const tools = new Tools()
const unless = (name: string) =>
  kernelSkip() || (tools.find(name) === undefined && `${name} is not installed`)

export interface FirewallCase {
  readonly name: string
  readonly family: Family
  readonly skip: string | false
  readonly make: (t: Scope) => Firewall
}

export const cases: readonly FirewallCase[] = ([4, 6] as const).flatMap(
  (family): FirewallCase[] => [
    {
      ...{ name: 'iptables', family, skip: unless('iptables') },
      make: (t) => inNamespace(t, iptables(tools)),
    },
    { name: 'nft', family, skip: unless('nft'), make: (t) => inNamespace(t, nftables(tools)) },
    {
      ...{ name: 'nft by JSON', family, skip: unless('nft') },
      make: (t) => inNamespace(t, nftablesOfAnyName(tools)),
    },
    { name: 'iptables in memory', family, skip: false, make: () => new FakeFirewall('iptables') },
    { name: 'nft in memory', family, skip: false, make: () => new FakeFirewall('nftables') },
  ],
)

/** A packet filter whose programs run in a network namespace of its own. */
function inNamespace(scope: Scope, firewall: Firewall): Firewall {
  const netns = Netns.open(addNamespace(scope).netns)
  scope.teardown(() => netns[Symbol.dispose]())
  const inside =
    <A extends readonly unknown[], R>(work: (...args: A) => R) =>
    (...args: A) =>
      netns.run(() => ({ value: work(...args) })).value
  return {
    backend: firewall.backend,
    apply: inside(firewall.apply),
    list: inside(firewall.list),
    firstMissing: inside(firewall.firstMissing),
    problem: inside(firewall.problem),
    canRandomizeFully: inside(firewall.canRandomizeFully),
  }
}

/** The same chains for both backends: nft's tables and base chains have to be made. */
export function makePlace({ family }: FirewallCase, firewall: Firewall, type: 'nat' | 'filter') {
  const isNft = firewall.backend === 'nftables'
  const table: TableName = { family, name: isNft ? `cnits-${type}` : type }
  const chain = type === 'nat' ? 'POSTROUTING' : 'FORWARD'
  const hook: Hook = {
    ...{ type, priority: type === 'nat' ? 100 : 0 },
    hook: type === 'nat' ? 'postrouting' : 'forward',
  }
  const base: Change[] = isNft
    ? [{ do: 'add table' }, { do: 'add chain', chain: { name: chain, hook } }]
    : []
  const apply = (...changes: readonly Change[]) => firewall.apply([{ table, changes }])
  apply(...base)
  return { table, chain, apply, list: (...chains: string[]) => firewall.list(table, { chains }) }
}
/** Whether a chain is listed with these rules, in this order. */
export function same(listing: Listing, chain: string, rules: readonly Rule[]): boolean {
  const listed = listing.get(chain)
  return (
    listed?.length === rules.length &&
    listed.every(({ rule }, index) => sameRule(rule, rules[index] ?? []))
  )
}
