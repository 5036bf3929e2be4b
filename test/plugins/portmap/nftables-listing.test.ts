/** Rules as nft 1.0.6 lists them. */
import t from 'tap'
import { formatHostPort } from '../../../plugins/portmap/mapping.ts'
import { claimOf, containerOf, isFor } from '../../../plugins/portmap/nftables-listing.ts'
import { ip } from '../../support/address.ts'
import { listedByNft } from '../../support/listed-rule.ts'

const matches = (protocol: string, field: string, right: unknown) => ({
  match: { op: '==', left: { payload: { protocol, field } }, right },
})
const mark = { meta: { key: 'mark' } }
const subnet = { prefix: { addr: '10.0.0.0', len: 24 } }

const rule = (chain: string, expr: unknown[], comment = 'c1') => listedByNft(chain, expr, comment)

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
