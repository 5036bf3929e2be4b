import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { LeaseTaken } from '../../../../flanneld/subnet/etcd/own-lease.ts'
import type { Scope } from '../../../../scripts/lab/node.ts'
import { Etcd, etcdSkip } from '../../../../scripts/lab/etcd.ts'
import { attributesOf, EtcdNode, leases, stored, valueOf } from '../../../support/etcd-node.ts'
import { eventually } from '../../../support/eventually.ts'
import { EtcdProxy } from '../../../support/etcd-proxy.ts'

const options = { skip: etcdSkip() }
const name = '10.3.33.0-24'
const key = leases + name

/** An etcd, and a node that keeps a lease there. */
async function start(t: Scope, renewMarginMinutes?: number) {
  const etcd = await Etcd.start(t)
  etcd.ctl('put', '/net/config', '{"Network": "10.3.0.0/16"}')
  const node = new EtcdNode(t, 1, [etcd.url], renewMarginMinutes)
  await node.acquire('10.3.33.1/24')
  const seen = node.watch(t)
  await eventually('a first list of leases', () => seen.length > 0)
  return { etcd, node, seen, kept: node.keep(t) }
}

const secondsLeft = (etcd: Etcd, lease = '') =>
  Number(/remaining\((\d+)s\)/.exec(etcd.ctl('lease', 'timetolive', lease))?.[1])

/** Whether the key is the node's, with a lease of 24 h. */
function isKept(etcd: Etcd): boolean {
  const { value, lease } = stored(etcd, key) ?? {}
  return value === valueOf(1) && lease !== undefined && secondsLeft(etcd, lease) > 86_000
}

t.test('it is renewed in time, by the same lease of etcd', options, async (t) => {
  const { etcd, node } = await start(t, 24 * 60 - 4 / 60) // each 4 s
  const { lease } = stored(etcd, key) ?? {}
  await setTimeout(2_000)
  t.ok(secondsLeft(etcd, lease) < 86_399)
  await eventually('a renewal', () => node.log.some((line) => line.includes('is renewed')))
  t.ok(secondsLeft(etcd, lease) >= 86_398)
  t.strictSame(stored(etcd, key), { value: valueOf(1), lease })
  t.equal(etcd.ctl('get', '--write-out=fields', key).includes('"Version" : 1'), true)
  t.strictSame(node.errors, [])
})

t.test('it is taken again when it is lost', options, async (t) => {
  const { etcd, node, seen } = await start(t)
  etcd.ctl('del', key)
  await eventually('the key', () => isKept(etcd))
  await eventually('lines of log', () => node.log.length >= 2)
  t.match(node.log, [/was lost: .* was deleted/, /is taken again/])
  etcd.ctl('lease', 'revoke', stored(etcd, key)?.lease ?? '')
  await eventually('the key after its lease has ended', () => isKept(etcd))
  t.strictSame(seen, ['all'], 'nobody watches the own lease')
})

t.test('also when etcd has lost all it had', options, async (t) => {
  const { etcd, node, seen } = await start(t)
  await etcd.loseData()
  await eventually('the key', () => isKept(etcd))
  await eventually('its line of log', () => node.log.some((line) => line.includes('went with')))

  await etcd.backUp()
  etcd.ctl('put', `${leases}10.3.1.0-24`, valueOf(2))
  etcd.ctl('del', key)
  await eventually('the key when it was deleted', () => isKept(etcd))
  await etcd.restore()
  await eventually('the key with older data', () => isKept(etcd))
  await eventually('all leases', () => seen.at(-1) === 'all' && seen.length > 2)
  t.notOk(seen.some((line) => line.includes(name)))
})

t.test('a restart of etcd changes nothing', options, async (t) => {
  const { etcd, node } = await start(t)
  const before = stored(etcd, key)
  await etcd.stop('SIGKILL')
  await eventually('an error', () => node.errors.includes('keep'))
  await setTimeout(500)
  await etcd.start()
  const again = `${key} is watched again`
  await eventually('the watch', () => node.log.includes(again))
  t.strictSame(stored(etcd, key), before)
  const said = node.log.filter((line) => line.startsWith(`watching ${key} `))
  t.equal(said.length, new Set(said).size, 'each problem once')
  t.notMatch(node.log.join('\n'), /lost|put again/)
})

t.test('another node that has the key ends it', options, async (t) => {
  const { etcd, kept } = await start(t)
  etcd.ctl('put', key, valueOf(2))
  const error = await kept
  t.ok(error instanceof LeaseTaken)
  t.match(error, {
    message: 'the subnet 10.3.33.0/24 of this node now belongs to the node 192.0.2.2',
    details: /^restart flanneld/,
  })
  t.equal(stored(etcd, key)?.value, valueOf(2))
})

t.test('also one that took it while etcd could not be reached', options, async (t) => {
  const etcd = await Etcd.start(t)
  const proxy = await EtcdProxy.start(t, etcd.url)
  etcd.ctl('put', '/net/config', '{"Network": "10.3.0.0/16"}')
  const node = new EtcdNode(t, 1, [proxy.url])
  await node.acquire('10.3.33.1/24')
  const kept = node.keep(t)
  proxy.cut()
  await eventually('an error', () => node.errors.includes('keep'))
  await etcd.loseData()
  etcd.ctl('put', key, valueOf(2))
  proxy.heal()
  t.ok((await kept) instanceof LeaseTaken)
})

t.test('what somebody puts over it is put right', options, async (t) => {
  const { etcd, node } = await start(t)
  const before = stored(etcd, key)
  const stray = '{"PublicIP":"192.0.2.1","BackendType":"host-gw"}'
  etcd.ctl('put', `--lease=${before?.lease}`, key, stray)
  await eventually('the value', () => stored(etcd, key)?.value === valueOf(1))
  t.strictSame(stored(etcd, key), before)
  const said = `${key} was changed by somebody: it is put again`
  await eventually('its line of log', () => node.log.includes(said))

  // As Go's flanneld renews a lease.
  const granted = /lease 0*(\w+) granted/.exec(etcd.ctl('lease', 'grant', '86400'))?.[1]
  etcd.ctl('put', `--lease=${granted}`, key, valueOf(1))
  await setTimeout(500)
  t.strictSame(stored(etcd, key), { value: valueOf(1), lease: granted }, 'it may stay')

  // As a reservation is made, here with a mistake.
  etcd.ctl('put', key, `${key}\n${valueOf(1)}`)
  await eventually('the value of the reservation', () => stored(etcd, key)?.value === valueOf(1))
  t.equal(stored(etcd, key)?.lease, undefined)
  await node.manager.publish(attributesOf(1))
  t.equal(stored(etcd, key)?.lease, undefined)
  t.ok(node.log.includes(`${key} is a reservation now`))
})

t.test('other attributes are put by the same lease of etcd', options, async (t) => {
  const { etcd, node } = await start(t)
  const { lease } = stored(etcd, key) ?? {}
  await node.manager.publish({ ...attributesOf(1), backendData: { VNI: 2 } })
  const value =
    '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":2}}'
  t.strictSame(stored(etcd, key), { value, lease })
  const moved = { ...attributesOf(7), backendData: undefined }
  await node.manager.publish(moved)
  const address = '{"PublicIP":"192.0.2.7","PublicIPv6":null,"BackendType":"vxlan"}'
  t.strictSame(stored(etcd, key), { value: address, lease })
  etcd.ctl('del', key)
  await eventually('the new value', () => stored(etcd, key)?.value === address)

  await etcd.stop()
  await t.rejects(node.manager.publish(attributesOf(1)), { name: 'GrpcError' })
  t.ok(node.errors.includes('publish'))
})

t.test('it ends at once when it is told to', options, async (t) => {
  const { etcd, node } = await start(t)
  for (const isUp of [true, false]) {
    if (!isUp) await etcd.stop()
    const end = new AbortController()
    const kept = node.manager.keep(end.signal)
    await setTimeout(300)
    const beganMs = performance.now()
    end.abort()
    await kept
    t.ok(performance.now() - beganMs < 500)
  }
})
