/** Rules that nft and iptables made, found by netlink. */
import t from 'tap'
import { Tools } from '../../../lib/firewall/node-tool.ts'
import {
  dropsByPolicy,
  hasChain,
  hasLegacyNat,
  hasLegacyTable,
  hasRule,
  hasTable,
  type RulePlace,
  rulesGeneration,
} from '../../../lib/firewall/rule-search.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { addNamespace, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { inside, runSync } from '../../../scripts/lab/run.ts'

const without = (name: string) =>
  kernelSkip() || (new Tools().find(name) === undefined && `${name} is not installed`)

function setUp(t: Scope) {
  const { netns: path } = addNamespace(t)
  const netns = Netns.open(path)
  t.teardown(() => netns[Symbol.dispose]())
  return {
    run: (...argv: string[]) => runSync(inside(path, argv)),
    has: (place: Partial<RulePlace>, text: string) =>
      netns.run(() => hasRule({ family: 4, table: 'cnits', ...place }, text)),
    hasLegacy: (family: 4 | 6) => netns.run(() => hasLegacyNat(family)),
    hasLegacyFilter: (family: 4 | 6) => netns.run(() => hasLegacyTable(family, 'filter')),
    hasTable: (place: RulePlace) => netns.run(() => hasTable(place)),
    drops: (place: Required<RulePlace>) => netns.run(() => dropsByPolicy(place)),
    generation: () => {
      const { value } = netns.run(() => ({ value: rulesGeneration() }))
      if (value === undefined) throw new Error('the kernel has no nftables')
      return value
    },
  }
}

t.test('rules of nft', { skip: without('nft') }, async (t) => {
  const { run, has } = setUp(t)
  t.notOk(has({}, ''), 'no such table')
  run('nft', 'add', 'table', 'ip', 'cnits')
  for (const chain of ['a', 'b']) run('nft', 'add', 'chain', 'ip', 'cnits', chain)
  t.notOk(has({}, ''), 'no rule')
  run('nft', 'add', 'rule', 'ip', 'cnits', 'a', 'drop', 'comment', '"container"')
  for (let index = 0; index < 60; index++) {
    run('nft', 'add', 'rule', 'ip', 'cnits', 'b', 'tcp', 'dport', '80', 'drop')
  }
  t.ok(has({}, ''))
  t.ok(has({}, 'container'))
  t.notOk(has({}, 'another'))
  t.notOk(has({ family: 6 }, 'container'))
  t.notOk(has({ table: 'cni' }, 'container'), 'not the whole name')
  t.ok(has({ chain: 'a' }, 'container'))
  t.notOk(has({ chain: 'b' }, 'container'))
  t.notOk(has({ chain: 'c' }, ''), 'no such chain')
})

for (const [program, family] of [['iptables-nft', 4] as const, ['ip6tables-nft', 6] as const]) {
  t.test(`rules of ${program}`, { skip: without(program) }, async (t) => {
    const { run, has, hasLegacy } = setUp(t)
    const comment = 'id: "container"'
    run(program, '-t', 'nat', '-N', 'A')
    t.notOk(has({ family, table: 'nat', chain: 'A' }, ''))
    run(program, '-t', 'nat', '-A', 'A', '-m', 'comment', '--comment', comment, '-j', 'ACCEPT')
    t.ok(has({ family, table: 'nat', chain: 'A' }, comment))
    t.notOk(has({ family, table: 'nat', chain: 'A' }, 'id: "contain"'))
    t.notOk(hasLegacy(family))
  })
}

t.test('tables, policies and generations', { skip: without('iptables-nft') }, async (t) => {
  const { run, hasTable, drops, generation } = setUp(t)
  const forward = { family: 4, table: 'filter', chain: 'FORWARD' } as const
  const before = generation()
  t.notOk(hasTable(forward))
  t.notOk(drops(forward), 'no such chain')
  t.equal(generation(), before, 'looking changes nothing')
  run('iptables-nft', '-P', 'FORWARD', 'ACCEPT')
  t.ok(hasTable({ family: 4, table: 'filter' }))
  t.notOk(hasTable({ family: 6, table: 'filter' }))
  t.notOk(drops(forward))
  const between = generation()
  t.not(between, before)
  run('iptables-nft', '-P', 'FORWARD', 'DROP')
  t.ok(drops(forward))
  t.notOk(drops({ ...forward, chain: 'INPUT' }))
  t.not(generation(), between)
  run('iptables-nft', '-N', 'A')
  t.notOk(drops({ ...forward, chain: 'A' }), 'a chain without a policy')
})

t.test('tables of iptables-legacy', { skip: without('iptables-legacy') }, async (t) => {
  const { run, has, hasLegacy, hasLegacyFilter } = setUp(t)
  t.notOk(hasLegacyFilter(4))
  run('iptables-legacy', '-t', 'filter', '-S')
  t.notOk(hasLegacy(4), 'of filtering')
  t.ok(hasLegacyFilter(4))
  run('iptables-legacy', '-t', 'nat', '-N', 'A')
  t.ok(hasLegacy(4))
  t.notOk(hasLegacy(6))
  t.notOk(has({ table: 'nat' }, ''), 'which cannot be looked into')
})

for (const family of ['inet', 'bridge'] as const) {
  t.test(`rules and chains of family ${family}`, { skip: without('nft') }, async (t) => {
    const { netns: path } = addNamespace(t)
    using netns = Netns.open(path)
    const chain = (name: string) =>
      netns.run(() => hasChain({ family, table: 'cnits', chain: name }))
    const nft = (...args: string[]) => runSync(inside(path, ['nft', ...args]))

    t.notOk(chain('a'), 'no such table')
    nft('add', 'table', family, 'cnits')
    t.notOk(chain('a'), 'no such chain')
    nft('add', 'chain', family, 'cnits', 'a')
    t.ok(chain('a'), 'a chain without a rule')
    t.notOk(chain('a'.repeat(300)), 'no chain can have this name')
    t.notOk(netns.run(() => hasRule({ family, table: 'cnits' }, '')))
    nft('add', 'rule', family, 'cnits', 'a', 'drop', 'comment', '"container"')
    t.ok(netns.run(() => hasRule({ family, table: 'cnits' }, 'container')))
    t.notOk(netns.run(() => hasRule({ family: 4, table: 'cnits' }, 'container')))
  })
}
