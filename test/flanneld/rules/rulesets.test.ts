/** The rules as data. */
import t from 'tap'
import { chainsOf, rulesetOf, rulesOf } from '../../../flanneld/rules/rulesets.ts'
import { ruleWords } from '../../../lib/firewall/iptables-write.ts'
import { ruleText } from '../../../lib/firewall/nft-write.ts'
import { specOf } from '../../support/node-rules.ts'

const [four, six] = specOf('iptables').networks

t.test('of iptables', async (t) => {
  if (four === undefined || six === undefined) return t.fail()
  const place = { backend: 'iptables', family: 6, kind: 'masquerade' } as const
  const [table] = rulesetOf(place, rulesOf('masquerade', six, false)).tables
  t.strictSame(table?.table, { family: 6, name: 'nat' })
  t.strictSame(
    table?.chains.map(({ name, place }) => [name, place]),
    [
      ['FLANNEL-POSTRTG', 'whole'],
      ['POSTROUTING', 'last'],
    ],
  )
  const masq = '-m comment --comment flanneld masq'
  t.strictSame(
    table?.chains.map(({ rules }) => rules.map((rule) => ruleWords(rule).join(' '))),
    [
      [
        `-m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
        `-s 2001:db8:42:1::/64 -d 2001:db8:42::/56 ${masq} -j RETURN`,
        `-s 2001:db8:42::/56 -d 2001:db8:42:1::/64 ${masq} -j RETURN`,
        `! -s 2001:db8:42::/56 -d 2001:db8:42:1::/64 ${masq} -j RETURN`,
        `-s 2001:db8:42::/56 ! -d ff00::/8 ${masq} -j MASQUERADE`,
        `! -s 2001:db8:42::/56 -d 2001:db8:42::/56 ${masq} -j MASQUERADE`,
      ],
      [`${masq} -j FLANNEL-POSTRTG`],
    ],
  )
  const forward = { ...place, family: 4, kind: 'forward' } as const
  const comment = { comment: 'flanneld forward' }
  const accept = { verdict: 'accept' } as const
  t.strictSame(rulesetOf(forward, rulesOf('forward', four, true)), {
    tables: [
      {
        table: { family: 4, name: 'filter' },
        chains: [
          {
            ...{ name: 'FLANNEL-FWD', place: 'whole' },
            rules: [
              [{ source: four.network }, comment, accept],
              [{ destination: four.network }, comment, accept],
            ],
          },
          {
            ...{ name: 'FORWARD', place: 'last', rules: [[comment, { jump: 'FLANNEL-FWD' }]] },
            ownComment: 'flanneld forward',
          },
        ],
      },
    ],
  })
})

t.test('of nftables', async (t) => {
  if (four === undefined) return t.fail()
  const place = { backend: 'nftables', family: 4, kind: 'masquerade' } as const
  const [table] = rulesetOf(place, rulesOf('masquerade', four, true)).tables
  const { rules, ...chain } = table?.chains[0] ?? {}
  t.strictSame(
    { ...table, chains: [chain] },
    {
      table: { family: 4, name: 'flannel-ipv4' },
      comment: 'rules for flannel-ipv4',
      chains: [
        {
          name: 'postrtg',
          hook: { type: 'nat', hook: 'postrouting', priority: 100 },
          comment: 'chain to manage traffic masquerading by flannel',
          place: 'whole',
        },
      ],
    },
  )
  t.strictSame(rules?.map(ruleText), [
    'meta mark & 0x4000 == 0x4000 return',
    'ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 return',
    'ip saddr 10.244.0.0/16 ip daddr 10.244.1.0/24 return',
    'ip saddr != 10.244.0.0/16 ip daddr 10.244.1.0/24 return',
    'ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random',
    'ip saddr != 10.244.0.0/16 ip daddr 10.244.0.0/16 masquerade fully-random',
  ])
  const forward = { backend: 'nftables', family: 6, kind: 'forward' } as const
  t.strictSame(chainsOf(forward), {
    table: { family: 6, name: 'flannel-ipv6' },
    chain: 'forward',
  })
})
