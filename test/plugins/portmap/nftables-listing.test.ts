/** Rules as nft 1.0.6 lists them. */
import t from 'tap'
import type { NftRule } from '../../../lib/firewall/nft.ts'
import { formatHostPort } from '../../../plugins/portmap/mapping.ts'
import { claimOf, containerOf, isFor, ruleText } from '../../../plugins/portmap/nftables-listing.ts'
import { ip } from '../../support/address.ts'

const matches = (protocol: string, field: string, right: unknown) => ({
  match: { op: '==', left: { payload: { protocol, field } }, right },
})
const mark = { meta: { key: 'mark' } }
const subnet = { prefix: { addr: '10.0.0.0', len: 24 } }

function rule(chain: string, expr: unknown[], comment = 'c1'): NftRule {
  return { chain, handle: 1, comment, expr }
}

const dnat = rule('hostports', [
  matches('ip', 'daddr', '192.0.2.1'),
  matches('tcp', 'dport', 8080),
  { dnat: { addr: '10.0.0.2', port: 80 } },
])
const marked = rule('hostports', [
  matches('ip', 'saddr', subnet),
  matches('tcp', 'dport', 8080),
  { mangle: { key: mark, value: { '|': [mark, 8192] } } },
])
const masquerade = rule('masquerading', [
  { match: { op: '==', left: { '&': [mark, 8192] }, right: 8192 } },
  matches('ip', 'daddr', '10.0.0.2'),
  { masquerade: null },
])
const highest = rule('masquerading', [
  { match: { op: '==', left: mark, right: { prefix: { addr: 2147483648, len: 1 } } } },
  matches('ip6', 'daddr', 'fd00::2'),
  { masquerade: null },
])
const entry = rule('prerouting', [
  { match: { op: '!=', left: { meta: { key: 'iifname' } }, right: 'eth0' } },
  { match: { op: '==', left: { fib: { result: 'type', flags: ['daddr'] } }, right: 'local' } },
  { jump: { target: 'hostports_all' } },
])

t.test('the text of a rule', async (t) => {
  t.equal(ruleText(dnat), 'ip daddr 192.0.2.1 tcp dport 8080 dnat to 10.0.0.2:80')
  t.equal(ruleText(marked), 'ip saddr 10.0.0.0/24 tcp dport 8080 meta mark set meta mark | 0x2000')
  t.equal(ruleText(masquerade), 'meta mark & 0x2000 == 0x2000 ip daddr 10.0.0.2 masquerade')
  t.equal(ruleText(highest), 'meta mark & 0x80000000 == 0x80000000 ip6 daddr fd00::2 masquerade')
  t.equal(ruleText(entry), '(other) fib daddr type local jump hostports_all')
  t.equal(ruleText(rule('hostports', [{ drop: null }, 'nonsense'])), '(other) (other)')
})

t.test('whose it is', async (t) => {
  t.equal(containerOf(dnat), 'c1')
  t.equal(containerOf(masquerade), 'c1')
  t.equal(containerOf(entry), undefined, 'its chain is for everybody')
  t.equal(containerOf(rule('hostports', [], '')), undefined)
})

t.test('what it claims', async (t) => {
  const claim = claimOf(dnat)
  t.equal(claim && formatHostPort(claim), '192.0.2.1:8080/tcp')
  t.strictSame(claim?.owner, { containerId: 'c1' })
  t.strictSame([marked, masquerade, entry].map(claimOf), [undefined, undefined, undefined])
})

t.test('which address of the container it is for', async (t) => {
  for (const each of [dnat, marked, masquerade]) t.ok(isFor(ip('10.0.0.2'), each))
  t.notOk(isFor(ip('10.0.0.3'), dnat))
  t.notOk(isFor(ip('10.0.0.3'), masquerade))
  t.notOk(isFor(ip('10.0.1.2'), marked))
  t.notOk(isFor(ip('10.0.0.2'), highest))
})
