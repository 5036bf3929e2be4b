/** What the packet filter holds, read by nft and iptables-save. */
import type { Namespace } from '../../scripts/lab/node.ts'
import { inside, missingProgram, runSync } from '../../scripts/lab/run.ts'

/** Why tests of rules cannot run here, or false. */
export function firewallSkip(): string | false {
  return missingProgram('nft', 'iptables-save', 'ip6tables-save')
}

/** A rule, chain or table as `nft -j list ruleset` prints it, without its handle. */
export interface NftObject {
  readonly rule?: NftRule
  readonly chain?: { readonly family: string; readonly table: string; readonly name: string }
  readonly table?: { readonly family: string; readonly name: string }
}

export interface NftRule {
  readonly family: string
  readonly table: string
  readonly chain: string
  readonly comment?: string
  readonly expr: readonly unknown[]
}

/** Everything that nftables has in the namespace. */
export function ruleset({ netns }: Namespace): NftObject[] {
  const stdout = runSync(inside(netns, ['nft', '-j', 'list', 'ruleset']))
  const withoutHandles = (key: string, value: unknown) => (key === 'handle' ? undefined : value)
  const { nftables } = JSON.parse(stdout, withoutHandles) as { nftables: object[] } // nft's format
  return nftables.filter((object) => !('metainfo' in object))
}

/** Runs a transaction of nft's language in the namespace. */
export function nft({ netns }: Namespace, transaction: string): void {
  const script = 'printf %s "$1" | nft -f -'
  runSync(inside(netns, ['sh', '-c', script, 'sh', transaction]))
}

/** The rules of table nat, and the chains that are not the kernel's, as iptables-save prints them. */
export function natRules({ netns }: Namespace, family: 4 | 6): string[] {
  const save = family === 4 ? 'iptables-save' : 'ip6tables-save'
  return runSync(inside(netns, [save, '-t', 'nat']))
    .split('\n')
    .filter((line) => /^(?:-A|:\S+ -) /.test(line))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
}

/** What masquerading and spoof-checks of attachments have left in the packet filter. */
export function ruleTraces(namespace: Namespace): string[] {
  const traces = ruleset(namespace).flatMap(({ rule, chain }) => {
    if (rule?.chain === 'masq_checks' || rule?.family === 'bridge') return rule.comment ?? 'a rule'
    return chain?.family === 'bridge' && chain.name !== 'PREROUTING' ? chain.name : []
  })
  return [...traces, ...([4, 6] as const).flatMap((family) => natRules(namespace, family))]
}
