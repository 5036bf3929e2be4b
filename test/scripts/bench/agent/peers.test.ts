import t from 'tap'
import { readLease } from '../../../../flanneld/subnet/etcd/lease-record.ts'
import { formatIp } from '../../../../lib/ip/ip.ts'
import { bridgeBatch, ipBatch, leaseOf, peers } from '../../../../scripts/bench/agent/peers.ts'

t.test('the leases of peers are such as flanneld reads, and no two are alike', async (t) => {
  const leases = peers(5000).map((peer) => {
    const [key, value] = leaseOf('/bench', peer)
    const kv = { key, value, createRevision: 1, modRevision: 1, version: 1, lease: 0n }
    return { peer, lease: readLease('/bench/subnets/', kv) }
  })
  for (const { peer, lease } of leases.slice(254, 258)) {
    t.strictSame(
      lease.subnets.map(({ ip }) => formatIp(ip)),
      [peer.ip],
    )
    t.equal(lease.attributes.publicIp?.toString(), peer.publicIp)
    t.strictSame(lease.attributes.backendData, { VNI: 1, VtepMAC: peer.mac })
  }
  for (const field of ['ip', 'publicIp', 'mac'] as const) {
    t.equal(new Set(leases.map(({ peer }) => peer[field])).size, 5000, field)
  }
  t.strictSame(peers(2, 255), peers(257).slice(255))
})

t.test('iproute2 is given the three entries of a peer', async (t) => {
  t.equal(
    ipBatch(peers(1, 256), 'x'),
    'neigh replace 10.65.0.0 lladdr 0e:00:00:00:01:00 dev x nud permanent\n' +
      'route replace 10.65.0.0/24 via 10.65.0.0 dev x onlink\n',
  )
  t.equal(
    bridgeBatch(peers(1, 256), 'x'),
    'fdb replace 0e:00:00:00:01:00 dev x dst 198.18.1.0 self\n',
  )
})
