/** The text of nftables rules; where nothing else is said, the Go plugin makes the same. */
import t from 'tap'
import { nftText, ruleText } from '../../../lib/firewall/nft-write.ts'
import { addRules, type Change } from '../../../lib/firewall/transaction.ts'
import type { Family } from '../../../lib/ip/ip.ts'
import { containerRules, structureChanges } from '../../../plugins/portmap/nftables-rules.ts'
import { containerId, forwardingTo } from './forwarding.ts'

function rules(family: Family, address: string, conf: object): string[] {
  return commands(family, addRules(containerRules(family, forwardingTo(address, conf))))
}

/** What nft reads of changes. */
function commands(family: Family, changes: readonly Change[]): string[] {
  return nftText([{ table: { family, name: 'cni_hostport' }, changes }])
    .trimEnd()
    .split('\n')
}

/** The marks that the Go plugin does not make. */
const isMark = (rule: string) => rule.includes('meta mark')

t.test('the table and its chains', async (t) => {
  const conf = { conditionsV4: ['a', 'b'], conditionsV6: ['c', 'd'] }
  t.strictSame(commands(4, structureChanges(4, forwardingTo('10.0.0.2/24', conf))), [
    'add table ip cni_hostport { comment "CNI portmap plugin" ; }',
    'add chain ip cni_hostport hostports',
    'add chain ip cni_hostport hostip_hostports',
    'add chain ip cni_hostport hostports_all',
    'add chain ip cni_hostport prerouting { type nat hook prerouting priority -100 ; }',
    'add chain ip cni_hostport output { type nat hook output priority -100 ; }',
    'add chain ip cni_hostport masquerading { type nat hook postrouting priority 100 ; }',
    'flush chain ip cni_hostport hostports_all',
    'flush chain ip cni_hostport prerouting',
    'flush chain ip cni_hostport output',
    'add rule ip cni_hostport hostports_all jump hostip_hostports',
    'add rule ip cni_hostport hostports_all jump hostports',
    'add rule ip cni_hostport prerouting a b fib daddr type local jump hostports_all',
    'add rule ip cni_hostport output a b fib daddr type local jump hostports_all',
  ])
  const withoutSnat = structureChanges(6, forwardingTo('2001:db8::2/64', { ...conf, snat: false }))
  t.strictSame(
    commands(6, withoutSnat).filter((command) => /masquerading|prerouting (?:c|fib)/.test(command)),
    ['add rule ip6 cni_hostport prerouting c d fib daddr type local jump hostports_all'],
    'no chain for masquerading without snat',
  )
})

t.test('an IPv4 container', async (t) => {
  const all = rules(4, '10.0.0.2/24', {})
  t.strictSame(
    all.filter((rule) => !isMark(rule)),
    [
      'hostports tcp dport 8080 dnat to 10.0.0.2:80',
      'hostports tcp dport 8081 dnat to 10.0.0.2:80',
      'hostports udp dport 8080 dnat to 10.0.0.2:81',
      'hostports udp dport 8082 dnat to 10.0.0.2:82',
      'hostports ip daddr 192.168.0.2 tcp dport 8083 dnat to 10.0.0.2:83',
      'hostports tcp dport 8084 dnat to 10.0.0.2:84',
      'masquerading ip saddr 10.0.0.2 ip daddr 10.0.0.2 masquerade',
      'masquerading ip saddr 127.0.0.1 ip daddr 10.0.0.2 masquerade',
    ].map((rule) => `add rule ip cni_hostport ${rule} comment "${containerId}"`),
  )
  const marked = 'ip saddr 10.0.0.0/24 tcp dport 8083 meta mark set meta mark | 0x2000'
  t.strictSame(
    all.filter(isMark).slice(-3),
    [
      `hostports ip daddr 192.168.0.2 ${marked}`,
      'hostports ip saddr 10.0.0.0/24 tcp dport 8084 meta mark set meta mark | 0x2000',
      'masquerading meta mark & 0x2000 == 0x2000 ip daddr 10.0.0.2 masquerade',
    ].map((rule) => `add rule ip cni_hostport ${rule} comment "${containerId}"`),
    'neighbours are masqueraded by a mark',
  )
})

t.test('an IPv6 container without snat', async (t) => {
  t.strictSame(
    rules(6, '2001:db8::2/64', { snat: false }),
    [
      'tcp dport 8080 dnat to [2001:db8::2]:80',
      'tcp dport 8081 dnat to [2001:db8::2]:80',
      'udp dport 8080 dnat to [2001:db8::2]:81',
      'udp dport 8082 dnat to [2001:db8::2]:82',
      'ip6 daddr 2001:db8:a::1 tcp dport 8085 dnat to [2001:db8::2]:85',
      'tcp dport 8086 dnat to [2001:db8::2]:86',
    ].map((rule) => `add rule ip6 cni_hostport hostports ${rule} comment "${containerId}"`),
  )
})

t.test('masquerading', async (t) => {
  const masquerading = (family: Family, address: string, conf: object) =>
    containerRules(family, forwardingTo(address, conf))
      .filter(({ chain }) => chain === 'masquerading')
      .map(({ rule }) => ruleText(rule).replace(` comment "${containerId}"`, ''))
  t.strictSame(masquerading(4, '10.0.0.2/24', { masqAll: true }), [
    'ip saddr 0.0.0.0/0 ip daddr 10.0.0.2 masquerade',
  ])
  t.strictSame(masquerading(6, '2001:db8::2/64', { masqAll: true }), [
    'ip6 saddr ::/0 ip6 daddr 2001:db8::2 masquerade',
  ])
  t.strictSame(masquerading(6, '2001:db8::2/128', {}), [
    'ip6 saddr 2001:db8::2 ip6 daddr 2001:db8::2 masquerade',
  ])
  t.strictSame(masquerading(6, '2001:db8::2/64', { markMasqBit: 31 }), [
    'ip6 saddr 2001:db8::2 ip6 daddr 2001:db8::2 masquerade',
    'meta mark & 0x80000000 == 0x80000000 ip6 daddr 2001:db8::2 masquerade',
  ])
  t.strictSame(masquerading(4, '10.0.0.2/24', { snat: false }), [])
})
