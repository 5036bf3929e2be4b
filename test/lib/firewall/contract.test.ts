/** What every packet filter keeps: those of the kernel, and the one in memory that tests use. */
import t from 'tap'
import type { ChainRule, Rule } from '../../../lib/firewall/rule.ts'
import {
  addRules,
  type Change,
  deleteChains,
  deleteRules,
  emptyChains,
} from '../../../lib/firewall/transaction.ts'
import type { Family } from '../../../lib/ip/ip.ts'
import { multicast } from '../../../lib/ip/well-known.ts'
import { cidr, ip } from '../../support/address.ts'
import { cases, makePlace, same } from '../../support/packet-filters.ts'
import { thrownDetailed } from '../../support/thrown.ts'

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
  })
}
