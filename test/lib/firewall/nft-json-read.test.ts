/** Rules as nft 1.0.6 lists them. */
import t from 'tap'
import { parseListing } from '../../../lib/firewall/nft-json-read.ts'
import { ruleText } from '../../../lib/firewall/nft-write.ts'
import { listedByNft } from '../../support/listed-rule.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const matches = (protocol: string, field: string, right: unknown, op = '==') => ({
  match: { op, left: { payload: { protocol, field } }, right },
})
const mark = { meta: { key: 'mark' } }
const subnet = { prefix: { addr: '10.0.0.0', len: 24 } }

t.test('rules in the words of nft', async (t) => {
  const cases: [text: string, expr: unknown[]][] = [
    [
      'ip daddr 192.0.2.1 tcp dport 8080 dnat to 10.0.0.2:80',
      [
        matches('ip', 'daddr', '192.0.2.1'),
        matches('tcp', 'dport', 8080),
        { dnat: { addr: '10.0.0.2', port: 80 } },
      ],
    ],
    [
      'ip saddr != 10.0.0.0/24 tcp dport { 80, 81 } meta mark set meta mark | 0x2000',
      [
        matches('ip', 'saddr', subnet, '!='),
        matches('tcp', 'dport', { set: [80, 81] }),
        { mangle: { key: mark, value: { '|': [mark, 8192] } } },
      ],
    ],
    [
      'meta mark & 0x2000 == 0x2000 ip daddr 10.0.0.2 masquerade',
      [
        { match: { op: '==', left: { '&': [mark, 8192] }, right: 8192 } },
        matches('ip', 'daddr', '10.0.0.2'),
        { masquerade: null },
      ],
    ],
    [
      'meta mark & 0x80000000 == 0x80000000 ip6 daddr fd00::2 masquerade fully-random',
      [
        { match: { op: '==', left: mark, right: { prefix: { addr: 2147483648, len: 1 } } } },
        matches('ip6', 'daddr', 'fd00::2'),
        { masquerade: { flags: 'fully-random' } },
      ],
    ],
    [
      'iifname "eth0" fib daddr type local goto a',
      [
        { match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'eth0' } },
        {
          match: { op: '==', left: { fib: { result: 'type', flags: ['daddr'] } }, right: 'local' },
        },
        { goto: { target: 'a' } },
      ],
    ],
    [
      'ether saddr 0a:58:00:00:00:01 return',
      [matches('ether', 'saddr', '0a:58:00:00:00:01'), { return: null }],
    ],
  ]
  for (const [text, expr] of cases) t.equal(ruleText(listedByNft('a', expr).rule), text)
})

t.test('what is of no known kind stays as it is', async (t) => {
  const unknown = [
    { match: { op: '!=', left: { meta: { key: 'iifname' } }, right: 'eth0' } },
    { match: { op: '==', left: mark, right: 8192 } },
    { match: { op: '<', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 80 } },
    matches('tcp', 'sport', 80),
    matches('tcp', 'dport', { range: [1, 2] }),
    { counter: { packets: 0, bytes: 0 } },
    { masquerade: { flags: 'random' } },
    { dnat: { addr: '10.0.0.2' } },
    { mangle: { key: mark, value: 1 } },
    'nonsense',
  ]
  t.strictSame(
    listedByNft('a', unknown).rule,
    unknown.map((other) => ({ other })),
  )
})

t.test('the chains that there are, and the rules of each', async (t) => {
  const rule = (chain: string, handle: number, comment?: string) => ({
    rule: { chain, handle, comment, expr: [{ drop: null }] },
  })
  const nftables = [
    { metainfo: { version: '1.0.6' } },
    { table: { name: 't' } },
    ...['a', 'b'].map((name) => ({ chain: { name } })),
    ...[rule('b', 4, 'four'), rule('b', 3)],
  ]
  const drop = { verdict: 'drop' }
  t.strictSame(
    [...parseListing(JSON.stringify({ nftables }))],
    [
      ['a', []],
      [
        'b',
        [
          { chain: 'b', key: 4, rule: [drop, { comment: 'four' }] },
          { chain: 'b', key: 3, rule: [drop] },
        ],
      ],
    ],
  )
})

t.test('another form is refused', async (t) => {
  for (const document of [{}, { nftables: {} }, { nftables: [{ rule: { chain: 'a' } }] }]) {
    const { message } = thrownDetailed(() => parseListing(JSON.stringify(document)))
    t.equal(message, 'nft listed its rules in an unknown form')
  }
})
