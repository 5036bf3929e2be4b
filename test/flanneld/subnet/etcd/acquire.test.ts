import t from 'tap'
import type { Scope } from '../../../../scripts/lab/node.ts'
import { Etcd, etcdSkip } from '../../../../scripts/lab/etcd.ts'
import {
  attributesOf,
  EtcdNode,
  leaseNames,
  leases,
  stored,
  valueOf,
} from '../../../support/etcd-node.ts'
import { cidr, ip } from '../../../support/address.ts'
import { backendOf } from '../../../../flanneld/backends/index.ts'
import { parseNetworkConf } from '../../../../flanneld/network-conf.ts'
import { detailsOf } from '../../../../lib/base/errors.ts'
import { parseSubnetKey } from '../../../../lib/flannel/subnet-key.ts'
import { formatCidr, type Cidr } from '../../../../lib/ip/ip.ts'

const options = { skip: etcdSkip() }
const text = '{"Network": "10.3.0.0/16", "Backend": {"Type": "vxlan"}}'
const { signal } = new AbortController()

async function start(t: Scope, config = text): Promise<Etcd> {
  const etcd = await Etcd.start(t)
  etcd.ctl('put', '/net/config', config)
  return etcd
}

t.test('a free subnet, then the same by the public address', options, async (t) => {
  const etcd = await start(t)
  const node = new EtcdNode(t, 1, [etcd.url])
  const name = await node.acquire()
  t.match(name, /^10\.3\.\d+\.0-24$/)
  const key = stored(etcd, leases + name)
  t.equal(key?.value, valueOf(1))
  t.match(etcd.ctl('lease', 'timetolive', key?.lease ?? ''), /granted with TTL\(86400s\)/)
  t.equal(await node.acquire(), name)

  // As after a restart; and as if another node had the subnet that subnet.env tells.
  etcd.ctl('put', `${leases}10.3.200.0-24`, valueOf(2))
  t.equal(await new EtcdNode(t, 1, [etcd.url]).acquire('10.3.200.1/24'), name)
  t.strictSame(stored(etcd, leases + name), key, 'by the same lease of etcd')
  t.strictSame(leaseNames(etcd), [name, '10.3.200.0-24'].toSorted())
  t.equal(etcd.ctl('lease', 'list').split('\n')[0], 'found 1 leases')

  t.strictSame(await node.manager.storedAttributes(attributesOf(1)), attributesOf(1))
  t.equal(await node.manager.storedAttributes(attributesOf(9)), undefined)
  t.equal(
    await node.manager.storedAttributes({ publicIp: undefined, publicIpv6: ip('fd00::1') }),
    undefined,
  )
})

t.test('a lease of etcd that is short, or is gone, is replaced', options, async (t) => {
  const etcd = await start(t)
  const short = /lease (\w+) granted/.exec(etcd.ctl('lease', 'grant', '600'))?.[1] ?? ''
  etcd.ctl('put', `--lease=${short}`, `${leases}10.3.7.0-24`, valueOf(1))
  t.equal(await new EtcdNode(t, 1, [etcd.url]).acquire(), '10.3.7.0-24')
  const key = stored(etcd, `${leases}10.3.7.0-24`)
  t.not(key?.lease, short)
  t.match(etcd.ctl('lease', 'timetolive', key?.lease ?? ''), /granted with TTL\(86400s\)/)
})

t.test('the subnet that the node had, unless another has it', options, async (t) => {
  const etcd = await start(t)
  const acquire = (number: number, ...previous: string[]) =>
    new EtcdNode(t, number, [etcd.url]).acquire(...previous)
  t.equal(await acquire(1, '10.3.33.1/24'), '10.3.33.0-24')
  t.not(await acquire(2, '10.3.33.1/24'), '10.3.33.0-24')
  t.match(await acquire(3, '10.9.33.1/24'), /^10\.3\./, 'it is not of the network')
  t.match(await acquire(4, '10.3.33.129/25'), /-24$/)
  // A value that cannot be read is somebody's all the same.
  etcd.ctl('put', `${leases}10.3.34.0-24`, 'garbage')
  t.not(await acquire(5, '10.3.34.1/24'), '10.3.34.0-24')
  t.equal(stored(etcd, `${leases}10.3.34.0-24`)?.value, 'garbage')
})

t.test('a lease that the configuration does not allow is replaced', options, async (t) => {
  const etcd = await start(t)
  const node = new EtcdNode(t, 1, [etcd.url])
  const before = await node.acquire()
  etcd.ctl('put', '/net/config', '{"Network": "10.4.0.0/16", "SubnetLen": 25}')
  const name = await node.acquire('10.3.1.1/24')
  t.match(name, /^10\.4\.\d+\.\d+-25$/)
  t.strictSame(leaseNames(etcd), [name])
  t.match(node.log, [`${leases}${before} is not what /net/config allows now: it is deleted`])

  // The configuration counts that is there when the lease is acquired.
  const conf = parseNetworkConf('{"Network": "10.3.0.0/16"}', 'config')
  const demand = { conf, attributes: attributesOf(2), previous: [] }
  const lease = await node.manager.acquire(demand, signal)
  t.match(lease.subnets.map(formatCidr), [/^10\.4\..*\/25$/])
  etcd.ctl('put', '/net/config', '{"Network": "10.3.0.0/30"}')
  await t.rejects(node.manager.acquire(demand, signal), { message: /too small/ })
  etcd.ctl('del', '/net/config')
  await t.rejects(node.manager.acquire(demand, signal), {
    message: '/net/config is not in etcd',
    details: /etcdctl put/,
  })
})

t.test('the configuration that is suggested is one that works', options, async (t) => {
  const etcd = await Etcd.start(t)
  const { manager } = new EtcdNode(t, 1, [etcd.url])
  const conf = parseNetworkConf('{"Network": "10.3.0.0/16"}', 'config')
  const demand = { conf, attributes: attributesOf(1), previous: [] }
  const error = await manager.acquire(demand, signal).catch(detailsOf)
  const [, suggested = ''] = /^.*etcdctl put \/net\/config '(.*)'$/.exec(String(error)) ?? []
  t.equal(backendOf(parseNetworkConf(suggested, 'config').backend).type, 'vxlan')
})

t.test('ten nodes at once, and no subnet for the eleventh', options, async (t) => {
  const bounds = '"SubnetLen": 28, "SubnetMin": "10.5.0.16", "SubnetMax": "10.5.0.160"'
  const etcd = await start(t, `{"Network": "10.5.0.0/24", ${bounds}}`)
  const nodes = Array.from({ length: 10 }, (_, index) => new EtcdNode(t, index + 1, [etcd.url]))
  const names = await Promise.all(nodes.map((node) => node.acquire()))
  t.equal(new Set(names).size, 10)
  t.strictSame(leaseNames(etcd), names.toSorted())
  t.equal(etcd.ctl('lease', 'list').split('\n')[0], 'found 10 leases', 'nothing is left over')
  await t.rejects(new EtcdNode(t, 11, [etcd.url]).acquire(), { message: /^out of subnets/ })
})

t.test('two families: no subnet of either is given twice', options, async (t) => {
  const families = '"IPv6Network": "fd00:5::/60", "IPv6SubnetLen": 63, "EnableIPv6": true'
  const bounds = '"SubnetLen": 28, "SubnetMin": "10.5.0.16", "SubnetMax": "10.5.0.96"'
  const etcd = await start(t, `{"Network": "10.5.0.0/24", ${bounds}, ${families}}`)
  const nodes = Array.from({ length: 4 }, (_, index) => new EtcdNode(t, index + 1, [etcd.url]))
  const names = await Promise.all(nodes.map((node) => node.acquire()))
  for (const name of names) t.match(name, /^10\.5\.0\.\d+-28&fd00:5:0:\w::-63$/)
  const subnets = names.flatMap((name) => parseSubnetKey(name)?.map(formatCidr) ?? [])
  t.equal(new Set(subnets).size, 8)
  t.strictSame(leaseNames(etcd), names.toSorted())
  const subnetsOf = (name: string): Cidr[] => parseSubnetKey(name) ?? []
  const previous = subnetsOf(names[0] ?? '').map(formatCidr)
  t.equal(await new EtcdNode(t, 1, [etcd.url]).acquire(...previous), names[0])
})

t.test('a reservation stays without a lease', options, async (t) => {
  const etcd = await start(t)
  etcd.ctl('put', `${leases}10.3.44.0-24`, '{"PublicIP":"192.0.2.1"}')
  const node = new EtcdNode(t, 1, [etcd.url])
  t.equal(await node.acquire(), '10.3.44.0-24')
  t.strictSame(stored(etcd, `${leases}10.3.44.0-24`), { value: valueOf(1), lease: undefined })
  t.equal(etcd.ctl('lease', 'list').split('\n')[0], 'found 0 leases')
})

t.test('garbage among the leases', options, async (t) => {
  const etcd = await start(t)
  const garbage = [
    ['10.12.13.300-24', valueOf(1)],
    ['10.3.1.0-24hi', valueOf(1)],
    ['&2001::-56', valueOf(1)],
    ['10.3.1.0', valueOf(1)],
    ['10.3.1.7-24', valueOf(1)],
    ['0.0.0.0-0', valueOf(1)],
    ['10.3.1.0-240', valueOf(1)],
    ['x/10.3.1.0-24', valueOf(1)],
    ['', valueOf(1)],
    ['10.3.2.0-24', ''],
    ['10.3.3.0-24', 'null'],
    ['10.3.4.0-24', '[]'],
    ['10.3.5.0-24', '{"PublicIP":1}'],
    ['10.3.6.0-24', '{"PublicIP":"fd00::1"}'],
    ['10.3.7.0-24', '{}'],
  ] as const
  for (const [name, value] of garbage) etcd.ctl('put', leases + name, value)
  const node = new EtcdNode(t, 1, [etcd.url])
  t.equal(await node.manager.storedAttributes(attributesOf(1)), undefined)
  const name = await node.acquire()
  t.match(name, /^10\.3\.\d+\.0-24$/)
  for (const [name, value] of garbage) t.equal(stored(etcd, leases + name)?.value, value, name)
  t.equal(leaseNames(etcd).length, garbage.length + 1)
})

t.test('what cannot be is told', options, async (t) => {
  const etcd = await start(
    t,
    '{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00::/48"}',
  )
  const node = new EtcdNode(t, 1, [etcd.url])
  const conf = parseNetworkConf('{"Network": "10.3.0.0/16"}', 'config')
  const demand = { conf, attributes: attributesOf(1), previous: [cidr('10.3.1.0/24')] }
  await t.rejects(node.manager.acquire(demand, signal), {
    message: '/net/config: IPv4 is not enabled, and etcd needs it',
    details: /begin with an IPv4 subnet/,
  })
  const nowhere = { ...demand, attributes: { ...attributesOf(1), publicIp: undefined } }
  await t.rejects(node.manager.acquire(nowhere, signal), { message: /no public IPv4 address/ })
  await t.rejects(node.manager.publish(attributesOf(1)), { message: /no lease yet/ })
  await t.rejects(node.manager.keep(signal), { message: /no lease yet/ })
})

t.test('an etcd that is not there yet is waited for', options, async (t) => {
  const etcd = await start(t)
  const node = new EtcdNode(t, 1, [etcd.url])
  await node.acquire()
  await etcd.stop()
  const abort = new AbortController()
  const conf = parseNetworkConf(text, 'config')
  const demand = { conf, attributes: attributesOf(1), previous: [] }
  const acquiring = node.manager.acquire(demand, abort.signal)
  await etcd.start()
  t.equal((await acquiring).subnets.length, 1)
  await etcd.stop()
  const aborted = t.rejects(node.manager.acquire(demand, abort.signal), { name: 'AbortError' })
  abort.abort()
  await aborted
})
