/** The words of iptables rules, as the Go plugin makes them. */
import t from 'tap'
import { ruleWords } from '../../../lib/firewall/iptables-write.ts'
import type { ChainRule, Rule } from '../../../lib/firewall/rule.ts'
import {
  containerChain,
  containerRules,
  entryRules,
  jumpRules,
  markRules,
  ownerComment,
} from '../../../plugins/portmap/iptables-rules.ts'
import { containerId, forwardingTo, portMappings } from './forwarding.ts'

const words = (rules: readonly Rule[]) => rules.map((rule) => ruleWords(rule).join(' '))
const inWords = (rules: readonly ChainRule[]) =>
  rules.map(({ chain, rule }) => ({ chain, rule: ruleWords(rule) }))

/** Of the Go plugin's tests, where it has these chains. */
const longId =
  'icee6giejonei6sohng6ahngee7laquohquee9shiGo7fohferakah3Feiyoolu2pei7ciPhoh7shaoX6vai3vuf0ahf' +
  'aeng8yohb9ceu0daez5hashee8ooYai5wa3y'

t.test('the name of a chain', async (t) => {
  t.equal(containerChain({ network: 'mynet', containerId: 'c1' }), 'CNI-DN-f0bca4ac77cde1bf2f3da')
  t.equal(containerChain({ network: 'test', containerId: '1234' }), 'CNI-DN-2bbe0c48b91a7d1b8a675')
  t.equal(containerChain({ network: 'test', containerId: longId }), 'CNI-DN-67e92b96e692a494b6b85')
  t.equal(
    containerChain({ network: 'testNetName', containerId: longId }),
    'CNI-DN-bfd599665540dd91d5d28',
  )
})

t.test('the comment, which the kernel takes with 255 bytes', async (t) => {
  t.equal(ownerComment({ network: 'test', containerId }), `dnat name: "test" id: "${containerId}"`)
  const cut = ownerComment({ network: 'test', containerId: 'x'.repeat(300) })
  t.equal(cut.length, 255)
  t.match(cut, /^dnat name: "test" id: "x+\.\.\.$/)
  const fits = 'x'.repeat(255 - 'dnat name: "test" id: ""'.length)
  t.match(ownerComment({ network: 'test', containerId: fits }), /x"$/)
})

t.test('the jumps to a container', async (t) => {
  const conf = { conditionsV4: ['-a', 'b'], conditionsV6: ['-c', 'd'] }
  const comment = ['-m', 'comment', '--comment', `dnat name: "test" id: "${containerId}"`]
  t.strictSame(jumpRules(4, forwardingTo('10.0.0.2/24', conf)).map(ruleWords), [
    [
      ...comment,
      ...['-m', 'multiport', '-p', 'tcp'],
      ...['--destination-ports', '8080,8081,8083,8084,8085,8086', '-a', 'b'],
      ...['-j', containerChain({ network: 'test', containerId })],
    ],
    [
      ...comment,
      ...['-m', 'multiport', '-p', 'udp', '--destination-ports', '8080,8082', '-a', 'b'],
      ...['-j', containerChain({ network: 'test', containerId })],
    ],
  ])
  const [jump = []] = jumpRules(6, forwardingTo('2001:db8::2/64', conf)).map(ruleWords)
  t.strictSame(jump.slice(-4, -2), ['-c', 'd'])
})

t.test('more ports than one rule takes', async (t) => {
  const portMappings = Array.from({ length: 31 }, (_, index) => ({
    ...{ hostPort: 1 + index, containerPort: 80, protocol: 'tcp' },
  }))
  const forwarding = forwardingTo('10.0.0.2/24', { runtimeConfig: { portMappings } })
  t.strictSame(
    jumpRules(4, forwarding)
      .map(ruleWords)
      .map((rule) => rule[rule.indexOf('--destination-ports') + 1]),
    ['1,2,3,4,5,6,7,8,9,10,11,12,13,14,15', '16,17,18,19,20,21,22,23,24,25,26,27,28,29,30', '31'],
  )
})

t.test('the rules of an IPv4 container', async (t) => {
  const of = (port: number, to: string, protocol = 'tcp', at = '') => {
    const base = `-p ${protocol} --dport ${port}${at}`
    return [
      `${base} -s 10.0.0.2/24 -j CNI-HOSTPORT-SETMARK`,
      `${base} -s 127.0.0.1 -j CNI-HOSTPORT-SETMARK`,
      `${base} -j DNAT --to-destination 10.0.0.2:${to}`,
    ]
  }
  const expected = [
    ...of(8080, '80'),
    ...of(8081, '80'),
    ...of(8080, '81', 'udp'),
    ...of(8082, '82', 'udp'),
    ...of(8083, '83', 'tcp', ' -d 192.168.0.2'),
    ...of(8084, '84'),
  ]
  t.strictSame(words(containerRules(4, forwardingTo('10.0.0.2/24'))), expected)
  t.strictSame(
    words(containerRules(4, forwardingTo('10.0.0.2/24', { snat: false }))),
    expected.filter((rule) => rule.includes('DNAT')),
  )
  const external = containerRules(
    4,
    forwardingTo('10.0.0.2/24', { externalSetMarkChain: 'PLZ-SET-MARK' }),
  )
  t.strictSame(
    words(external),
    expected.map((rule) => rule.replace('CNI-HOSTPORT-SETMARK', 'PLZ-SET-MARK')),
  )
})

t.test('mappings of one host port share what is the same', async (t) => {
  const [mapping, , udp] = portMappings
  const conf = { runtimeConfig: { portMappings: [mapping, udp, mapping] } }
  const rules = words(containerRules(4, forwardingTo('10.0.0.2/24', conf)))
  t.equal(rules.length, 6)
  t.strictSame(new Set(rules).size, rules.length)
})

t.test('the rules of an IPv6 container', async (t) => {
  const of = (port: number, to: string, protocol = 'tcp', at = '') => {
    const base = `-p ${protocol} --dport ${port}${at}`
    return [
      `${base} -s 2001:db8::2/64 -j CNI-HOSTPORT-SETMARK`,
      `${base} -j DNAT --to-destination [2001:db8::2]:${to}`,
    ]
  }
  t.strictSame(words(containerRules(6, forwardingTo('2001:db8::2/64'))), [
    ...of(8080, '80'),
    ...of(8081, '80'),
    ...of(8080, '81', 'udp'),
    ...of(8082, '82', 'udp'),
    ...of(8085, '85', 'tcp', ' -d 2001:db8:a::1'),
    ...of(8086, '86'),
  ])
  const [marked = []] = containerRules(6, forwardingTo('2001:db8::2/64', { masqAll: true }))
  t.strictSame(ruleWords(marked).slice(-4), ['-s', '::/0', '-j', 'CNI-HOSTPORT-SETMARK'])
})

t.test('the shared chains', async (t) => {
  const { options } = forwardingTo('10.0.0.2/24', { markMasqBit: 5 })
  t.strictSame(inWords(markRules(options)), [
    {
      chain: 'CNI-HOSTPORT-SETMARK',
      rule: [
        ...['-m', 'comment', '--comment', 'CNI portfwd masquerade mark'],
        ...['-j', 'MARK', '--set-xmark', '0x20/0x20'],
      ],
    },
    {
      chain: 'CNI-HOSTPORT-MASQ',
      rule: ['-m', 'mark', '--mark', '0x20/0x20', '-j', 'MASQUERADE'],
    },
  ])
  const local = ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', 'CNI-HOSTPORT-DNAT']
  const comment = ['-m', 'comment', '--comment', 'CNI portfwd requiring masquerade']
  const { first, last } = entryRules(options)
  t.strictSame(inWords(first), [
    { chain: 'POSTROUTING', rule: [...comment, '-j', 'CNI-HOSTPORT-MASQ'] },
  ])
  t.strictSame(inWords(last), [
    { chain: 'PREROUTING', rule: local },
    { chain: 'OUTPUT', rule: local },
  ])
  for (const conf of [{ snat: false }, { externalSetMarkChain: 'X' }]) {
    const { options } = forwardingTo('10.0.0.2/24', conf)
    t.strictSame([markRules(options), entryRules(options).first], [[], []])
  }
})
