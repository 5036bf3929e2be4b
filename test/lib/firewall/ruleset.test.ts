/** What somebody has in a packet filter, whichever it is. */
import t from 'tap'
import type { Rule } from '../../../lib/firewall/rule.ts'
import { check, ensure, remove, type Ruleset } from '../../../lib/firewall/ruleset.ts'
import { addRules, deleteRules } from '../../../lib/firewall/transaction.ts'
import { cidr } from '../../support/address.ts'
import { cases, makePlace, same } from '../../support/packet-filters.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const net = { 4: cidr('10.1.2.0/24'), 6: cidr('fd00:1::/64') }
const accept = { verdict: 'accept' } as const

for (const each of cases) {
  const { name, family, skip, make } = each
  t.test(`${name}, IPv${family}`, { skip }, async (t) => {
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
              {
                ...{ name: nat.chain, place: 'last', ownComment: comment.comment },
                rules: [[comment, { jump: 'FLANNEL-POSTRTG' }]],
              },
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

      const last: Rule = [{ mark: 0x2 }, accept]
      nat.apply(...addRules([{ chain: nat.chain, rule: last }]))
      const jump: Rule = [comment, { jump: 'FLANNEL-POSTRTG' }]

      const [first, ...others] = nat.list('FLANNEL-POSTRTG').get('FLANNEL-POSTRTG') ?? []
      t.equal(others.length, 1)
      nat.apply(...deleteRules(first ? [first] : []), ...addRules(first ? [first] : []))
      const wrongOrder = check(firewall, ruleset)
      t.match(wrongOrder, { chain: 'FLANNEL-POSTRTG' })
      t.equal(wrongOrder?.rule, undefined, 'each rule is there, in another order')
      t.ok(ensure(firewall, ruleset))
      t.equal(check(firewall, ruleset), undefined)
      t.ok(same(nat.list(nat.chain), nat.chain, [foreign, jump, last]), 'the jump stays there')

      const older: Rule = [{ source: net[family] }, comment, accept]
      nat.apply(...addRules([{ chain: nat.chain, rule: older }]))
      t.match(check(firewall, ruleset), { chain: nat.chain, rule: undefined }, 'an older rule')
      t.ok(ensure(firewall, ruleset))
      t.ok(same(nat.list(nat.chain), nat.chain, [foreign, jump, last]))

      const stale = { chain: nat.chain, rule: [{ comment: 'old' }, { jump: 'FLANNEL-POSTRTG' }] }
      nat.apply(...addRules([stale]))
      t.match(check(firewall, ruleset), { chain: nat.chain, rule: undefined }, 'a second way there')
      nat.apply(...addRules([{ chain: 'FLANNEL-POSTRTG', rule: foreign }]))
      t.ok(ensure(firewall, ruleset))
      t.equal(check(firewall, ruleset), undefined)
      t.ok(same(nat.list(nat.chain), nat.chain, [foreign, jump, last]))

      filter.apply(...deleteRules(filter.list(filter.chain).get(filter.chain) ?? []))
      t.match(check(firewall, ruleset), { chain: filter.chain, rule: [{ jump: 'FLANNEL-FWD' }] })
      t.ok(ensure(firewall, ruleset))

      nat.apply(...addRules([stale, { chain: nat.chain, rule: older }]))
      t.ok(remove(firewall, ruleset))
      t.notOk(remove(firewall, ruleset), 'nothing to do')
      t.ok(same(nat.list(nat.chain), nat.chain, [foreign, last]))
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
