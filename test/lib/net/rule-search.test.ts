/** What nft puts into the kernel, found without it. */
import t from 'tap'
import { Netns } from '../../../lib/net/netns.ts'
import { hasChain, hasLegacyNat, hasRule } from '../../../lib/net/rule-search.ts'
import { firewallSkip, nft } from '../../support/firewall.ts'
import { addNamespace, kernelSkip } from '../../support/node.ts'

const skip = kernelSkip() || firewallSkip()

for (const [family, word] of [
  [4, 'ip'],
  [6, 'ip6'],
  ['inet', 'inet'],
  ['bridge', 'bridge'],
] as const) {
  t.test(`family ${word}`, { skip }, async (t) => {
    const namespace = addNamespace(t)
    using netns = Netns.open(namespace.netns)
    const rule = (text: string, chain?: string) =>
      netns.run(() => hasRule({ family, table: 'cnits', ...(chain && { chain }) }, text))
    const chain = (name: string) =>
      netns.run(() => hasChain({ family, table: 'cnits', chain: name }))

    t.strictSame([rule('one'), rule('one', 'a'), chain('a')], [false, false, false], 'no table')
    const table = `${word} cnits`
    nft(
      namespace,
      `add table ${table}
add chain ${table} a
add chain ${table} empty
add rule ${table} a accept comment "one"
add rule ${table} a jump empty comment "two"
`,
    )
    t.strictSame([rule('one'), rule('two'), rule('three')], [true, true, false])
    t.strictSame(
      [rule('one', 'a'), rule('one', 'empty'), rule('one', 'none')],
      [true, false, false],
    )
    t.ok(rule('empty', 'a'), 'by the name of a chain that it leads to')
    t.strictSame([chain('a'), chain('empty'), chain('none')], [true, true, false])
  })
}

t.test('a namespace has no table of iptables-legacy at first', { skip }, async (t) => {
  using netns = Netns.open(addNamespace(t).netns)
  for (const family of [4, 6] as const) {
    t.notOk(netns.run(() => hasLegacyNat(family)))
  }
})
