/** iptables and ip6tables against the kernel, in a namespace of its own. */
import t from 'tap'
import { detectBackend } from '../../../lib/firewall/backend.ts'
import { splitWords } from '../../../lib/firewall/iptables-words.ts'
import { iptables } from '../../../lib/firewall/iptables.ts'
import { Tools } from '../../../lib/firewall/node-tool.ts'
import type { ChainRule, Rule } from '../../../lib/firewall/rule.ts'
import { addRules, deleteRules, emptyChains } from '../../../lib/firewall/transaction.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { listedByIptables } from '../../support/listed-rule.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const tools = new Tools()
const skip = kernelSkip() || (tools.find('iptables') === undefined && 'iptables is not installed')
const comment = 'dnat name: "net" id: "c\'1\\"'

for (const family of [4, 6] as const) {
  t.test(`iptables for IPv${family}`, { skip }, async (t) => {
    using netns = Netns.open(addNamespace(t).netns)
    const inside = <T>(work: () => T) => netns.run(() => ({ value: work() })).value
    const { apply, list, problem } = iptables(tools)
    const table = { family, name: 'nat' }
    const words = (chain: string) =>
      inside(() =>
        list(table, { chains: [chain] })
          .get(chain)
          ?.map(({ key }) => key),
      )

    t.equal(
      inside(() => problem(family)),
      undefined,
    )
    t.strictSame(words('OUTPUT'), [])
    t.equal(words('CNI-X'), undefined, 'no such chain')
    const rule: Rule = [{ words: ['-p', 'tcp'] }, { comment }, { verdict: 'accept' }]
    const changes = [...emptyChains(['CNI-X']), ...addRules([{ chain: 'CNI-X', rule }])]
    inside(() => apply([{ table, changes }]))
    inside(() => apply([{ table, changes }]))
    t.strictSame(
      words('CNI-X'),
      [['-p', 'tcp', '-m', 'comment', '--comment', comment, '-j', 'ACCEPT']],
      'the chain was emptied the second time',
    )

    const bad = [
      ...addRules([{ chain: 'OUTPUT', rule: [{ jump: 'CNI-X' }] }]),
      ...deleteRules([listedByIptables('CNI-X', ['-j', 'RETURN'])]),
    ]
    const error = thrownDetailed(() => inside(() => apply([{ table, changes: bad }])))
    t.match(error.message, /^running \[\S*tables-restore --noflush --wait 20\]: exit status \d: /)
    t.strictSame(words('OUTPUT'), [], 'a transaction is all or nothing')
  })
}

t.test('a host with both uses iptables', { skip }, async (t) => {
  using netns = Netns.open(addNamespace(t).netns)
  t.equal(
    netns.run(() => detectBackend(tools)),
    'iptables',
  )
})

for (const family of [4, 6] as const) {
  t.test(`several chains of IPv${family} at once`, { skip }, async (t) => {
    using netns = Netns.open(addNamespace(t).netns)
    const inside = <T>(work: () => T) => netns.run(() => ({ value: work() })).value
    const { apply, list, firstMissing } = iptables(tools)
    const table = { family, name: 'nat' }
    const words = (...chains: string[]) =>
      inside(() =>
        [...list(table, { chains })].map(([chain, rules]) => [chain, rules.map(({ key }) => key)]),
      )
    const jump: Rule = [{ jump: 'CNI-X' }]
    const port: Rule = [{ protocol: 'tcp', port: 80 }, { verdict: 'accept' }]
    const listed = ['-p', 'tcp', '-m', 'tcp', '--dport', '80', '-j', 'ACCEPT']

    t.strictSame(words('OUTPUT', 'CNI-X'), [['OUTPUT', []]], 'one of them is missing')
    const changes = [
      ...emptyChains(['CNI-X']),
      ...addRules([
        { chain: 'OUTPUT', rule: jump },
        { chain: 'CNI-X', rule: port },
      ]),
    ]
    inside(() => apply([{ table, changes }]))
    t.strictSame(words('CNI-X', 'OUTPUT', 'INPUT'), [
      ['CNI-X', [listed]],
      ['OUTPUT', [['-j', 'CNI-X']]],
      ['INPUT', []],
    ])
    const mentioning = inside(() =>
      list(table, { chains: ['CNI-X', 'OUTPUT'], mentioning: 'CNI-' }),
    )
    t.same([...mentioning.values()].flat().length, 2, 'each names the chain')
    const others = inside(() => list(table, { chains: ['CNI-X', 'OUTPUT'], mentioning: 'KUBE-' }))
    t.strictSame(
      [...others],
      [
        ['CNI-X', []],
        ['OUTPUT', []],
      ],
    )

    const missing = (...rules: ChainRule[]) => inside(() => firstMissing(table, rules))
    const there = [
      { chain: 'OUTPUT', rule: jump },
      { chain: 'CNI-X', rule: port },
    ]
    const gone: ChainRule[] = [
      { chain: 'CNI-X', rule: [{ protocol: 'udp', port: 80 }, { verdict: 'accept' }] },
      { chain: 'INPUT', rule: jump },
      { chain: 'CNI-Y', rule: jump },
    ]
    t.equal(missing(), undefined)
    t.equal(missing(...there), undefined)
    for (const rule of gone) t.equal(missing(...there, rule, ...gone), rule)
    const bad = { chain: 'OUTPUT', rule: [{ words: ['--no-such-match'] }] }
    const error = thrownDetailed(() => missing(bad))
    t.match(error.message, 'unknown option')
  })
}

/** Of kinds that are read, and of others. */
const foreign = [
  '-s 10.0.0.0/24 ! -d 10.0.0.0/24 -i wire -o cni0 -m comment --comment "a \\"b\\"" -j ACCEPT',
  '! -i wire -p tcp -m conntrack --ctstate NEW -j RETURN',
  '-p tcp -m tcp --sport 1 --dport 80 -j RETURN',
  '-p tcp -m tcp --dport 80 --tcp-flags SYN,RST SYN -j RETURN',
  '-p udp -m multiport --dports 1,2:3 -j RETURN',
  '-p udp -m multiport ! --dports 1,2 -m comment --comment x -j RETURN',
  '-p udp -m comment --comment x -m multiport --dports 1,2 -j RETURN',
  '-m mark ! --mark 0x1/0x1 -j RETURN',
  '-m mark --mark 0x1 -j RETURN',
  '-m addrtype --src-type LOCAL --dst-type LOCAL -j RETURN',
  '! -p tcp -m mac --mac-source 0a:58:00:00:00:01 -j RETURN',
  '-p tcp -j DNAT --to-destination 10.0.0.2:80-90',
  '-p tcp -m tcp --dport 1 -j DNAT --to-destination 10.0.0.2:80',
  '-j MARK --set-xmark 0x1/0xffffffff',
  '-j MARK --set-xmark 0x2000/0x2000',
]

t.test('a rule that was read is written as it was', { skip }, async (t) => {
  using netns = Netns.open(addNamespace(t).netns)
  const inside = <T>(work: () => T) => netns.run(() => ({ value: work() })).value
  const { apply, list } = iptables(tools)
  const table = { family: 4, name: 'nat' } as const
  const addTo = (chain: string, rules: readonly Rule[]) => {
    const added = addRules(rules.map((rule) => ({ chain, rule })))
    inside(() => apply([{ table, changes: [...emptyChains([chain]), ...added] }]))
    return inside(() => list(table, { chains: [chain] }).get(chain) ?? [])
  }
  const first = addTo(
    'CNI-X',
    foreign.map((line) => [{ words: splitWords(line) }]),
  )
  t.equal(first.length, foreign.length)
  const second = addTo(
    'CNI-Y',
    first.map(({ rule }) => rule),
  )
  t.strictSame(
    second.map(({ key }) => key),
    first.map(({ key }) => key),
  )
})

t.test('only what it can do', async (t) => {
  const { apply, list } = iptables(tools)
  const changes = [{ do: 'add table' }] as const
  const nat = (family: 4 | 6) => ({ table: { family, name: 'nat' }, changes })
  t.throws(() => apply([nat(4), nat(6)]), new RangeError('iptables changes one family at a time'))
  t.throws(() => list({ family: 'inet', name: 'nat' }), RangeError)
  apply([])
})
