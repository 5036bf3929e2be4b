import fc from 'fast-check'
import t from 'tap'
import {
  attributesOf,
  describeOwner,
  overlap,
  readLease,
  readRecords,
} from '../../../../flanneld/subnet/etcd/lease-record.ts'
import { DetailedError } from '../../../../lib/base/errors.ts'
import { decodeAttributes } from '../../../../lib/flannel/lease.ts'
import { formatSubnetKey } from '../../../../lib/flannel/subnet-key.ts'
import { cidr } from '../../../support/address.ts'

const folder = '/net/subnets/'

function kv(name: string, value: string) {
  const nothing = { createRevision: 1, modRevision: 1, version: 1, lease: 0n }
  return { key: folder + name, value, ...nothing }
}

t.test('whatever stands in etcd, it is a lease or an error for people', async (t) => {
  const number = fc.integer({ min: -1, max: 300 })
  const ipv4 = fc.tuple(number, number, number, number).map((parts) => parts.join('.'))
  const name = fc.oneof(
    fc.string(),
    fc.tuple(ipv4, number).map((parts) => parts.join('-')),
    fc.tuple(ipv4, number, fc.ipV6(), number).map(([a, b, c, d]) => `${a}-${b}&${c}-${d}`),
  )
  const publicIp = fc.oneof(ipv4, fc.ipV6(), fc.jsonValue())
  const value = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ PublicIP: publicIp, BackendType: fc.jsonValue() }).map((it) => JSON.stringify(it)),
  )
  let leases = 0
  fc.assert(
    fc.property(name, value, (name, value) => {
      const record = kv(name, value)
      readRecords(folder, [record])
      attributesOf(record)
      try {
        const lease = readLease(folder, record)
        t.equal(formatSubnetKey(lease.subnets), name)
        leases++
      } catch (error) {
        if (!(error instanceof DetailedError)) throw error
      }
    }),
    { numRuns: 5_000, examples: [['10.3.1.0-24', '{}']] },
  )
  t.ok(leases > 0)
})

t.test('which leases have addresses in common', async (t) => {
  const lease = (...subnets: string[]) => ({ subnets: subnets.map(cidr) })
  t.ok(overlap(lease('10.3.1.0/24'), lease('10.3.1.128/25')))
  t.ok(overlap(lease('10.3.1.128/25'), lease('10.3.1.0/24', 'fd00::/64')))
  t.ok(overlap(lease('10.3.2.0/24', 'fd00::/64'), lease('10.3.1.0/24', 'fd00::/64')))
  t.notOk(overlap(lease('10.3.2.0/24', 'fd00::/64'), lease('10.3.1.0/24', 'fd00:1::/64')))
})

t.test('whose a lease is', async (t) => {
  const describe = (text: string) => describeOwner(decodeAttributes(text))
  t.equal(describe('{}'), 'a node that does not say who it is')
  const both = '{"PublicIP":"192.0.2.1","PublicIPv6":"fd00::1"}'
  t.equal(describe(both), 'the node 192.0.2.1, fd00::1')
})
