import fc from 'fast-check'
import t from 'tap'
import { parseNetworkConf, subnetRange } from '../../../flanneld/network-conf.ts'
import { chooseSubnets, type Demand, describeSubnets } from '../../../flanneld/subnet/choose.ts'
import type { Lease } from '../../../lib/flannel/lease.ts'
import { contains, formatCidr } from '../../../lib/ip/ip.ts'
import { cidr, ip } from '../../support/address.ts'
import { thrownDetailed } from '../../support/thrown.ts'

function lease(publicIp: string, ...subnets: string[]): Lease {
  const nothing = { publicIpv6: undefined, backendData: undefined, backendV6Data: undefined }
  const attributes = { publicIp: ip(publicIp), backendType: 'vxlan', ...nothing }
  return { subnets: subnets.map(cidr), attributes }
}

const own = '192.0.2.1'

function demand(conf: object, leases: readonly Lease[], previous: readonly string[] = []): Demand {
  const { families } = parseNetworkConf(JSON.stringify(conf), 'config')
  return {
    ranges: families.map((each) => ({ family: each.family, ...subnetRange(each) })),
    publicIp: ip(own),
    previous: previous.map(cidr),
    leases,
  }
}

const first = () => 0
const small = { Network: '10.3.0.0/16' }
const dual = { ...small, IPv6Network: 'fc00::/48', EnableIPv6: true }

function choose(...args: Parameters<typeof demand>): string {
  return describeSubnets(chooseSubnets(demand(...args), first).subnets)
}

t.test('the first free subnet', async (t) => {
  t.equal(choose(small, []), '10.3.1.0/24')
  t.equal(choose(dual, []), '10.3.1.0/24 and fc00:0:0:1::/64')
  const others = [lease('192.0.2.2', '10.3.1.0/24'), lease('192.0.2.3', '10.3.2.128/25')]
  t.equal(choose(small, others), '10.3.3.0/24', 'overlapping ones are taken, too')
  t.equal(choose(small, [lease('192.0.2.2', '10.3.0.0/22')]), '10.3.4.0/24')
})

t.test('one of the first hundred at random', async (t) => {
  const asked: number[] = []
  const { subnets } = chooseSubnets(demand(small, []), (below) => {
    asked.push(below)
    return below - 1
  })
  t.strictSame([asked, describeSubnets(subnets)], [[100], '10.3.100.0/24'])
})

t.test('the node’s own lease, by its address', async (t) => {
  const leases = [lease('192.0.2.2', '10.3.1.0/24'), lease(own, '10.3.9.0/24')]
  const choice = chooseSubnets(demand(small, leases, ['10.3.8.0/24']), first)
  t.equal(choice.lease, leases[1])
  t.equal(describeSubnets(choice.subnets), '10.3.9.0/24')
})

t.test('a lease of its own that the configuration does not allow', async (t) => {
  for (const subnets of [
    ['10.3.9.0/25'],
    ['10.4.9.0/24'],
    ['10.3.0.0/24'],
    ['10.3.9.0/24', 'fc00::/64'],
  ]) {
    const mine = lease(own, ...subnets)
    const choice = chooseSubnets(demand(small, [mine]), first)
    t.equal(choice.outdated, mine, subnets.join())
    t.equal(choice.lease, undefined)
    t.equal(describeSubnets(choice.subnets), '10.3.1.0/24')
  }
})

t.test('what subnet.env says, while nobody else has it', async (t) => {
  t.equal(choose(small, [], ['10.3.7.1/24']), '10.3.7.0/24')
  t.equal(choose(dual, [], ['10.3.7.1/24', 'fc00:0:0:7::1/64']), '10.3.7.0/24 and fc00:0:0:7::/64')
  t.equal(choose(small, [lease('192.0.2.2', '10.3.7.0/24')], ['10.3.7.1/24']), '10.3.1.0/24')
  t.equal(choose(small, [], ['10.4.7.1/24']), '10.3.1.0/24', 'of another network')
  t.equal(choose(dual, [], ['10.3.7.1/24']), '10.3.1.0/24 and fc00:0:0:1::/64', 'one family only')
})

t.test('none is left', async (t) => {
  const conf = { Network: '10.0.0.0/22' }
  const leases = [1, 2, 3].map((n) => lease(`192.0.2.${n + 1}`, `10.0.${n}.0/24`))
  const { message, details } = thrownDetailed(() => choose(conf, leases))
  t.equal(message, 'out of subnets: every /24 from 10.0.1.0 to 10.0.3.0 is leased')
  t.match(details, 'SubnetLen')
})

t.test('thousands of leases', async (t) => {
  const conf = { Network: '10.0.0.0/8' }
  const leases = Array.from({ length: 5000 }, (_, n) =>
    lease(`172.16.${n >> 8}.${n & 255}`, `10.${(n + 1) >> 8}.${(n + 1) & 255}.0/24`),
  )
  t.equal(choose(conf, leases), '10.19.137.0/24')
})

t.test('never what another node has', async () => {
  const third = fc.integer({ min: 1, max: 12 })
  const subnet = fc
    .tuple(third, fc.constantFrom(22, 24, 26))
    .map(([n, length]) => `10.3.${n}.0/${length}`)
  fc.assert(
    fc.property(fc.array(subnet), fc.option(third), fc.nat(99), (taken, previous, index) => {
      const leases = taken.map((text, n) => lease(`192.0.2.${n + 2}`, text))
      const before = previous === null ? [] : [`10.3.${previous}.1/24`]
      const [chosen] = chooseSubnets(
        demand(small, leases, before),
        (below) => index % below,
      ).subnets
      if (chosen === undefined) return false
      const clash = taken
        .map(cidr)
        .find((each) => contains(each, chosen.ip) || contains(chosen, each.ip))
      return clash === undefined && formatCidr(chosen).endsWith('/24')
    }),
  )
})
