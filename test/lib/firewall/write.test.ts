/** What the programs are told. */
import t from 'tap'
import { restoreText, ruleWords } from '../../../lib/firewall/iptables-write.ts'
import { nftJson } from '../../../lib/firewall/nft-json-write.ts'
import { nftText, ruleText } from '../../../lib/firewall/nft-write.ts'
import type { Rule } from '../../../lib/firewall/rule.ts'
import {
  addRules,
  type Change,
  deleteChains,
  deleteRules,
  emptyChains,
  type TableChanges,
} from '../../../lib/firewall/transaction.ts'
import { multicast } from '../../../lib/ip/well-known.ts'
import { cidr } from '../../support/address.ts'
import { listedByIptables, listedByNft } from '../../support/listed-rule.ts'

const accept: Rule = [{ verdict: 'accept' }]
const of = (name: string, changes: readonly Change[]): TableChanges => ({
  table: { family: 4, name },
  changes,
})

t.test('a transaction of iptables', async (t) => {
  const comment = { comment: 'x y' }
  t.equal(
    restoreText([
      of('nat', [...emptyChains(['A']), ...addRules([{ chain: 'A', rule: [comment] }])]),
      of('filter', [
        { do: 'insert rule', chain: 'FORWARD', rule: accept },
        ...deleteRules([listedByIptables('B', ['-j', 'DROP'])]),
        { do: 'flush chain', chain: 'B' },
        ...deleteChains(['B']),
      ]),
    ]),
    '*nat\n:A - [0:0]\n-A A -m comment --comment "x y"\nCOMMIT\n' +
      '*filter\n-I FORWARD 1 -j ACCEPT\n-D B -j DROP\n-F B\n-X B\nCOMMIT\n',
  )
})

t.test('a transaction of nft', async (t) => {
  t.equal(
    nftText([
      of('a', [
        { do: 'add table', comment: 'for "it"\n' },
        {
          do: 'add chain',
          chain: {
            ...{ name: 'b', comment: 'why' },
            hook: { type: 'filter', hook: 'forward', priority: 0, policy: 'accept' },
          },
        },
        ...emptyChains(['c']),
        { do: 'insert rule', chain: 'b', rule: [{ comment: 'one' }, { jump: 'c' }] },
        ...deleteRules([listedByNft('b', [], '', 7)]),
        ...deleteChains(['c']),
        { do: 'delete table' },
      ]),
    ]),
    `add table ip a { comment "for it" ; }
add chain ip a b { type filter hook forward priority 0 ; policy accept ; comment "why" ; }
add chain ip a c
flush chain ip a c
insert rule ip a b jump c comment "one"
delete rule ip a b handle 7
delete chain ip a c
delete table ip a
`,
  )
})

/** The rules of flanneld, as its Go original has them: C is the cluster's network, P the node's. */
const [C, P] = [cidr('10.244.0.0/16'), cidr('10.244.1.0/24')]

t.test('the rules of flanneld', async (t) => {
  const comment = { comment: 'flanneld masq' }
  const about = '-m comment --comment flanneld masq'
  const random = { masquerade: { fullyRandom: true } }
  const back = { verdict: 'return' } as const
  const cases: [rule: Rule, iptables: string, nft: string][] = [
    [
      [comment, { jump: 'FLANNEL-POSTRTG' }],
      `${about} -j FLANNEL-POSTRTG`,
      'jump FLANNEL-POSTRTG comment "flanneld masq"',
    ],
    [
      [{ mark: 0x4000 }, comment, back],
      `-m mark --mark 0x4000/0x4000 ${about} -j RETURN`,
      'meta mark & 0x4000 == 0x4000 return comment "flanneld masq"',
    ],
    [
      [{ source: P }, { destination: C }, comment, back],
      `-s 10.244.1.0/24 -d 10.244.0.0/16 ${about} -j RETURN`,
      'ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 return comment "flanneld masq"',
    ],
    [
      [{ source: C, op: '!=' }, { destination: P }, comment, back],
      `! -s 10.244.0.0/16 -d 10.244.1.0/24 ${about} -j RETURN`,
      'ip saddr != 10.244.0.0/16 ip daddr 10.244.1.0/24 return comment "flanneld masq"',
    ],
    [
      [{ source: C }, { destination: multicast[4], op: '!=' }, comment, random],
      `-s 10.244.0.0/16 ! -d 224.0.0.0/4 ${about} -j MASQUERADE --random-fully`,
      'ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random comment "flanneld masq"',
    ],
    [
      [{ source: cidr('fd00::/48') }, { destination: multicast[6], op: '!=' }, comment, random],
      `-s fd00::/48 ! -d ff00::/8 ${about} -j MASQUERADE --random-fully`,
      'ip6 saddr fd00::/48 ip6 daddr != ff00::/8 masquerade fully-random comment "flanneld masq"',
    ],
  ]
  for (const [rule, iptables, nft] of cases) {
    t.equal(ruleWords(rule).join(' '), iptables)
    t.equal(ruleText(rule), nft)
  }
})

t.test('what cannot be written is refused', async (t) => {
  const kept: Change = { do: 'add chain', chain: { name: 'A' } }
  const byHandle = deleteRules([listedByNft('A', [])])
  const byWords = deleteRules([listedByIptables('A', ['-j', 'DROP'])])
  const other = addRules([{ chain: 'A', rule: [{ other: { counter: null } }] }])
  const words = addRules([{ chain: 'A', rule: [{ words: ['iifname', 'a'] }] }])
  const strange: Change = { do: 'flush chain', chain: 'a b' }
  for (const changes of [[kept], byHandle, other, [{ do: 'delete table' } as const]]) {
    t.throws(() => restoreText([of('nat', changes)]), RangeError)
  }
  for (const changes of [byWords, other, [strange]]) {
    t.throws(() => nftText([of('a', changes)]), RangeError)
  }
  for (const changes of [byWords, words]) t.throws(() => nftJson([of('a', changes)]), RangeError)
  t.match(nftJson([of('a', [strange, ...other])]), [
    { flush: { chain: { name: 'a b' } } },
    { add: { rule: { expr: [{ counter: null }] } } },
  ])
})
