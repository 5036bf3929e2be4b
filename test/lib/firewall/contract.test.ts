/** What every packet filter keeps: those of the kernel, and the one in memory that tests use. */
import t from 'tap'
import type { Firewall, Listing } from '../../../lib/firewall/firewall.ts'
import { iptables } from '../../../lib/firewall/iptables.ts'
import { nftables, nftablesOfAnyName } from '../../../lib/firewall/nft.ts'
import { Tools } from '../../../lib/firewall/node-tool.ts'
import { type ChainRule, type Rule, sameRule } from '../../../lib/firewall/rule.ts'
import { check, ensure, remove, type Ruleset } from '../../../lib/firewall/ruleset.ts'
import {
  addRules,
  type Change,
  deleteChains,
  deleteRules,
  emptyChains,
  type Hook,
  type TableName,
} from '../../../lib/firewall/transaction.ts'
import type { Family } from '../../../lib/ip/ip.ts'
import { multicast } from '../../../lib/ip/well-known.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { addNamespace, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { cidr, ip } from '../../support/address.ts'
import { FakeFirewall } from '../../support/fake-firewall.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const tools = new Tools()
const unless = (name: string) =>
  kernelSkip() || (tools.find(name) === undefined && `${name} is not installed`)

interface Case {
  readonly name: string
  readonly family: Family
  readonly skip: string | false
  readonly make: (t: Scope) => Firewall
}

const cases: readonly Case[] = ([4, 6] as const).flatMap((family): Case[] => [
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
])

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
function makePlace({ family }: Case, firewall: Firewall, type: 'nat' | 'filter') {
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

const net = { 4: cidr('10.1.2.0/24'), 6: cidr('fd00:1::/64') }
const host = { 4: ip('10.1.2.3'), 6: ip('fd00:1::3') }
const accept = { verdict: 'accept' } as const

/** Rules of every kind that both backends have for a table. */
function rulesOfAll(family: Family, type: 'nat' | 'filter'): Rule[] {
  const comment = { comment: "it's one" }
  const general: Rule[] = [
    [{ source: net[family] }, comment, accept],
    [{ source: net[family], op: '!=' }, { destination: host[family] }, { verdict: 'return' }],
    [{ destination: multicast[family], op: '!=' }, accept],
    [{ mark: 0x4000 }, { verdict: 'return' }],
    [{ protocol: 'tcp', port: 80 }, { setMark: 0x8000_0000 }],
    [{ protocol: 'udp', ports: [53, 5353] }, { jump: 'CNITS' }],
    [{ mark: 0x8000_0000 }, { goto: 'CNITS' }],
    [comment, { jump: 'CNITS' }],
    [accept],
  ]
  if (type === 'filter') return [...general, [{ inputInterface: 'eth0' }, { verdict: 'drop' }]]
  return [
    ...general,
    [{ masquerade: { fullyRandom: true } }],
    [{ source: host[family] }, { masquerade: { fullyRandom: false } }],
  ]
}

function same(listing: Listing, chain: string, rules: readonly Rule[]): boolean {
  const listed = listing.get(chain)
  return (
    listed?.length === rules.length &&
    listed.every(({ rule }, index) => sameRule(rule, rules[index] ?? []))
  )
}

for (const each of cases) {
  const { name, family, skip, make } = each
  t.test(`${name}, IPv${family}`, { skip }, async (t) => {
    for (const type of ['nat', 'filter'] as const) {
      await t.test(`table ${type}`, async (t) => {
        const firewall = make(t)
        t.equal(firewall.problem(family), undefined)
        t.ok(firewall.canRandomizeFully(family))
        const place = makePlace(each, firewall, type)
        const { chain, apply, list } = place
        t.strictSame([...list('CNITS')], [], 'no such chain')
        apply(...emptyChains(['CNITS']))
        t.strictSame([...list('CNITS')], [['CNITS', []]])

        const rules = rulesOfAll(family, type)
        apply(...addRules(rules.map((rule) => ({ chain, rule }))))
        t.ok(same(list(chain), chain, rules), 'as they were added')
        t.ok(same(firewall.list(place.table), chain, rules), 'among all chains')
        t.strictSame([...list(chain, 'CNITS', 'CNITS2').keys()].sort(), ['CNITS', chain].sort())
        t.equal(
          firewall.firstMissing(
            place.table,
            rules.map((rule) => ({ chain, rule })),
          ),
          undefined,
        )
        const gone: ChainRule = { chain, rule: [{ mark: 0x1 }, accept] }
        t.equal(firewall.firstMissing(place.table, [{ chain, rule: [accept] }, gone]), gone)

        apply({ do: 'insert rule', ...gone })
        t.ok(same(list(chain), chain, [gone.rule, ...rules]), 'before all others')
        apply(...deleteRules(list(chain).get(chain)?.slice(0, -1) ?? []))
        t.ok(same(list(chain), chain, rules.slice(-1)), 'those that were listed are deleted')
      })
    }

    await t.test('chains', async (t) => {
      const { chain, apply, list } = makePlace(each, make(t), 'filter')
      apply(
        ...emptyChains(['CNITS', 'CNITS2']),
        ...addRules([
          { chain, rule: [{ jump: 'CNITS' }] },
          { chain: 'CNITS', rule: [accept] },
        ]),
      )
      apply(...emptyChains(['CNITS', 'CNITS3']))
      t.ok(same(list('CNITS'), 'CNITS', []), 'one that is there is emptied')
      t.ok(same(list(chain), chain, [[{ jump: 'CNITS' }]]))
      thrownDetailed(() => apply(...deleteChains(['CNITS'])))
      thrownDetailed(() => apply({ do: 'flush chain', chain: 'CNITS4' }))
      apply(...deleteRules(list(chain).get(chain) ?? []), ...deleteChains(['CNITS', 'CNITS2']))
      t.strictSame([...list(chain, 'CNITS', 'CNITS2', 'CNITS3').keys()].sort(), ['CNITS3', chain])
    })

    await t.test('a table is changed wholly or not at all', async (t) => {
      const { chain, apply, list } = makePlace(each, make(t), 'filter')
      apply(...emptyChains(['CNITS']), ...addRules([{ chain, rule: [{ jump: 'CNITS' }] }]))
      const [jump] = list(chain).get(chain) ?? []
      t.ok(jump)
      const good = addRules([{ chain: 'CNITS', rule: [accept] }])
      const bad: Change[][] = [
        addRules([{ chain: 'CNITS2', rule: [accept] }]),
        addRules([{ chain, rule: [{ jump: 'CNITS2' }] }]),
        deleteChains(['CNITS2']),
        deleteChains(['CNITS']),
        deleteRules(jump ? [jump, jump] : []),
      ]
      for (const changes of bad) {
        thrownDetailed(() => apply(...good, ...changes))
        t.ok(same(list('CNITS'), 'CNITS', []))
        t.ok(same(list(chain), chain, [[{ jump: 'CNITS' }]]))
      }
    })

    await t.test('a ruleset', async (t) => {
      const firewall = make(t)
      const [nat, filter] = (['nat', 'filter'] as const).map((type) =>
        makePlace(each, firewall, type),
      )
      if (nat === undefined || filter === undefined) return t.fail()
      const comment = { comment: 'flanneld masq' }
      const ruleset: Ruleset = {
        tables: [
          {
            table: nat.table,
            chains: [
              {
                ...{ name: 'FLANNEL-POSTRTG', place: 'whole' },
                rules: [
                  [{ mark: 0x4000 }, comment, { verdict: 'return' }],
                  [{ source: net[family] }, comment, { masquerade: { fullyRandom: true } }],
                ],
              },
              { name: nat.chain, place: 'last', rules: [[comment, { jump: 'FLANNEL-POSTRTG' }]] },
            ],
          },
          {
            table: filter.table,
            chains: [
              {
                ...{ name: 'FLANNEL-FWD', place: 'whole' },
                rules: [
                  [{ source: net[family] }, accept],
                  [{ destination: net[family] }, accept],
                ],
              },
              { name: filter.chain, place: 'first', rules: [[{ jump: 'FLANNEL-FWD' }]] },
            ],
          },
        ],
      }
      const foreign: Rule = [{ mark: 0x1 }, accept]
      for (const { chain, apply } of [nat, filter]) apply(...addRules([{ chain, rule: foreign }]))

      t.match(check(firewall, ruleset), { table: nat.table, chain: 'FLANNEL-POSTRTG' })
      t.ok(ensure(firewall, ruleset))
      t.equal(check(firewall, ruleset), undefined)
      t.notOk(ensure(firewall, ruleset), 'nothing to do')
      t.ok(same(nat.list(nat.chain), nat.chain, [foreign, [comment, { jump: 'FLANNEL-POSTRTG' }]]))
      t.ok(
        same(filter.list(filter.chain), filter.chain, [[{ jump: 'FLANNEL-FWD' }], foreign]),
        'before those of others',
      )

      const [first, ...others] = nat.list('FLANNEL-POSTRTG').get('FLANNEL-POSTRTG') ?? []
      t.equal(others.length, 1)
      nat.apply(...deleteRules(first ? [first] : []), ...addRules(first ? [first] : []))
      const wrongOrder = check(firewall, ruleset)
      t.match(wrongOrder, { chain: 'FLANNEL-POSTRTG' })
      t.equal(wrongOrder?.rule, undefined, 'each rule is there, in another order')
      t.ok(ensure(firewall, ruleset))
      t.equal(check(firewall, ruleset), undefined)

      const stale = { chain: nat.chain, rule: [{ comment: 'old' }, { jump: 'FLANNEL-POSTRTG' }] }
      nat.apply(...addRules([stale]))
      t.match(check(firewall, ruleset), { chain: nat.chain, rule: undefined }, 'a second way there')
      nat.apply(...addRules([{ chain: 'FLANNEL-POSTRTG', rule: foreign }]))
      t.ok(ensure(firewall, ruleset))
      t.equal(check(firewall, ruleset), undefined)
      t.ok(same(nat.list(nat.chain), nat.chain, [foreign, [comment, { jump: 'FLANNEL-POSTRTG' }]]))

      filter.apply(...deleteRules(filter.list(filter.chain).get(filter.chain) ?? []))
      t.match(check(firewall, ruleset), { chain: filter.chain, rule: [{ jump: 'FLANNEL-FWD' }] })
      t.ok(ensure(firewall, ruleset))

      nat.apply(...addRules([stale]))
      t.ok(remove(firewall, ruleset))
      t.notOk(remove(firewall, ruleset), 'nothing to do')
      t.ok(same(nat.list(nat.chain), nat.chain, [foreign]))
      t.ok(same(filter.list(filter.chain), filter.chain, []))
      t.strictSame([...filter.list('FLANNEL-FWD')], [])
      t.strictSame([...nat.list('FLANNEL-POSTRTG')], [])
    })

    await t.test('a ruleset that has its table for itself', async (t) => {
      const firewall = make(t)
      if (firewall.backend === 'iptables') return
      const table = { family, name: 'flannel-ipv4' }
      const hook = { type: 'filter', hook: 'forward', priority: 0 } as const
      const ruleset: Ruleset = {
        tables: [
          {
            ...{ table, comment: 'rules for it' },
            chains: [
              {
                ...{ name: 'forward', hook, comment: 'accepts', place: 'whole' },
                rules: [[{ source: net[family] }, accept]],
              },
            ],
          },
        ],
      }
      t.ok(ensure(firewall, ruleset))
      t.equal(check(firewall, ruleset), undefined)
      t.ok(remove(firewall, ruleset))
      t.strictSame([...firewall.list(table)], [])
      thrownDetailed(() => firewall.apply([{ table, changes: [{ do: 'delete table' }] }]))
    })
  })
}
