/** nft against the kernel, in a namespace of its own. */
import t from 'tap'
import { rulesOf } from '../../../lib/firewall/firewall.ts'
import { nftables, nftablesOfAnyName } from '../../../lib/firewall/nft.ts'
import { Tools } from '../../../lib/firewall/node-tool.ts'
import type { ChainRule, Rule } from '../../../lib/firewall/rule.ts'
import { addRules, type Change, emptyChains } from '../../../lib/firewall/transaction.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const tools = new Tools()
const skip = kernelSkip() || (tools.find('nft') === undefined && 'nft is not installed')
const drop: Rule = [{ verdict: 'drop' }, { comment: 'one' }]
const add = (...rules: ChainRule[]): Change[] => [
  { do: 'add table' },
  ...emptyChains(['a']),
  ...addRules(rules),
]

t.test('nft', { skip }, async (t) => {
  using netns = Netns.open(addNamespace(t).netns)
  const inside = <T>(work: () => T) => netns.run(() => ({ value: work() })).value
  const { apply, list, problem } = nftables(tools)
  const table = { family: 4, name: 'cnits' } as const
  const rules = (...chains: string[]) =>
    inside(() => rulesOf(list(table, chains.length > 0 ? { chains } : {})))

  t.equal(
    inside(() => problem(4)),
    undefined,
  )
  t.strictSame(rules('a'), [], 'no such table')
  inside(() => apply([{ table, changes: add({ chain: 'a', rule: drop }) }]))
  t.strictSame(rules('b'), [], 'no such chain')
  const [rule, ...others] = rules()
  t.match(rule, { chain: 'a', rule: drop, key: Number })
  t.strictSame(others, [])
  t.strictSame(rules('a'), [rule])

  const bad = addRules([
    { chain: 'a', rule: [{ verdict: 'accept' }] },
    { chain: 'nowhere', rule: [{ verdict: 'accept' }] },
  ])
  const error = thrownDetailed(() => inside(() => apply([{ table, changes: bad }])))
  t.match(error.message, /^running \[\S*nft -f -\]: exit status 1: .*No such file or directory/)
  t.equal(rules().length, 1, 'a transaction is all or nothing')

  const second = { table: { family: 6, name: 'cnits' }, changes: bad } as const
  const first = { table, changes: addRules([{ chain: 'a', rule: [{ verdict: 'accept' }] }]) }
  thrownDetailed(() => inside(() => apply([first, second])))
  t.equal(rules().length, 1, 'and so are those of several tables')
})

t.test('names that have to be quoted', { skip }, async (t) => {
  using netns = Netns.open(addNamespace(t).netns)
  const inside = <T>(work: () => T) => netns.run(() => ({ value: work() })).value
  const { apply, list } = nftablesOfAnyName(tools)
  const table = { family: 'bridge', name: 'cnits' } as const
  const chain = 'a;b{ "c"'
  const changes: Change[] = [{ do: 'add table' }, ...emptyChains([chain, 'd'])]
  const rules: ChainRule[] = [
    { chain, rule: drop },
    { chain: 'd', rule: [{ inputInterface: 'x"y' }, { jump: chain }] },
  ]
  inside(() => apply([{ table, changes: [...changes, ...addRules(rules)] }]))
  t.match(
    inside(() => rulesOf(list(table))),
    rules,
  )
  for (const each of [changes, addRules(rules.slice(1))]) {
    t.throws(() => nftables(tools).apply([{ table, changes: each }]), RangeError)
  }
})
