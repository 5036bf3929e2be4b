/** iptables and ip6tables against the kernel, in a namespace of its own. */
import t from 'tap'
import { detectBackend } from '../../../lib/firewall/backend.ts'
import {
  iptablesFirstMissing,
  iptablesList,
  iptablesListAll,
  iptablesProblem,
  iptablesRestore,
  restoreText,
} from '../../../lib/firewall/iptables.ts'
import { Tools } from '../../../lib/firewall/node-tool.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const tools = new Tools()
const skip = kernelSkip() || (tools.find('iptables') === undefined && 'iptables is not installed')
const comment = 'dnat name: "net" id: "c\'1\\"'

t.test('writes a transaction', async (t) => {
  t.equal(
    restoreText({ chains: ['A'], commands: [['-A', 'A', '-m', 'comment', '--comment', 'x y']] }),
    '*nat\n:A - [0:0]\n-A A -m comment --comment "x y"\nCOMMIT\n',
  )
})

for (const family of [4, 6] as const) {
  t.test(`iptables for IPv${family}`, { skip }, async (t) => {
    using netns = Netns.open(addNamespace(t).netns)
    const inside = <T>(work: () => T) => netns.run(() => ({ value: work() })).value
    const list = (chain: string) => inside(() => iptablesList(tools, family, chain))

    t.equal(
      inside(() => iptablesProblem(tools, family)),
      undefined,
    )
    t.strictSame(list('OUTPUT'), [])
    t.equal(list('CNI-X'), undefined, 'no such chain')
    const rule = ['-p', 'tcp', '-m', 'comment', '--comment', comment, '-j', 'ACCEPT']
    const changes = { chains: ['CNI-X'], commands: [['-A', 'CNI-X', ...rule]] }
    inside(() => iptablesRestore(tools, family, changes))
    inside(() => iptablesRestore(tools, family, changes))
    t.strictSame(list('CNI-X'), [rule], 'the chain was emptied the second time')

    const commands = [
      ['-A', 'OUTPUT', '-j', 'CNI-X'],
      ['-D', 'CNI-X', '-j', 'RETURN'],
    ]
    const error = thrownDetailed(() =>
      inside(() => iptablesRestore(tools, family, { chains: [], commands })),
    )
    t.match(error.message, /^running \[\S*tables-restore --noflush --wait 20\]: exit status \d: /)
    t.strictSame(list('OUTPUT'), [], 'a transaction is all or nothing')
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
    const list = (...chains: string[]) => inside(() => [...iptablesListAll(tools, family, chains)])
    const jump = ['-j', 'CNI-X']
    const port = ['-p', 'tcp', '-m', 'tcp', '--dport', '80', '-j', 'ACCEPT']

    t.strictSame(list('OUTPUT', 'CNI-X'), [['OUTPUT', []]], 'one of them is missing')
    inside(() =>
      iptablesRestore(tools, family, {
        chains: ['CNI-X'],
        commands: [
          ['-A', 'OUTPUT', ...jump],
          ['-A', 'CNI-X', ...port],
        ],
      }),
    )
    t.strictSame(list('CNI-X', 'OUTPUT', 'INPUT'), [
      ['CNI-X', [port]],
      ['OUTPUT', [jump]],
      ['INPUT', []],
    ])

    const missing = (...rules: { chain: string; rule: string[] }[]) =>
      inside(() => iptablesFirstMissing(tools, family, rules))
    const there = [
      { chain: 'OUTPUT', rule: jump },
      { chain: 'CNI-X', rule: ['-p', 'tcp', '--dport', '80', '-j', 'ACCEPT'] },
    ]
    const gone = [
      { chain: 'CNI-X', rule: ['-p', 'udp', '--dport', '80', '-j', 'ACCEPT'] },
      { chain: 'INPUT', rule: jump },
      { chain: 'CNI-Y', rule: jump },
    ]
    t.equal(missing(), undefined)
    t.equal(missing(...there), undefined)
    for (const rule of gone) t.equal(missing(...there, rule, ...gone), rule)
    const error = thrownDetailed(() => missing({ chain: 'OUTPUT', rule: ['--no-such-match'] }))
    t.match(error.message, 'unknown option')
  })
}
