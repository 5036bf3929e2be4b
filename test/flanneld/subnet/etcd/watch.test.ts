import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import type { Scope } from '../../../../scripts/lab/node.ts'
import { Etcd, etcdSkip } from '../../../support/etcd.ts'
import { EtcdNode, leases, valueOf } from '../../../support/etcd-node.ts'
import { EtcdProxy } from '../../../support/etcd-proxy.ts'
import { eventually } from '../../../support/eventually.ts'

const options = { skip: etcdSkip() }

/** An etcd behind a proxy, and a node with a lease that watches the others by the proxy. */
async function start(t: Scope) {
  const etcd = await Etcd.start(t)
  etcd.ctl('put', '/net/config', '{"Network": "10.3.0.0/16"}')
  put(etcd, 2)
  const proxy = await EtcdProxy.start(t, etcd.url)
  const node = new EtcdNode(t, 1, [proxy.url])
  await node.acquire('10.3.1.1/24')
  const seen = node.watch(t)
  await eventually('a first list of leases', () => seen.length > 0)
  return { etcd, proxy, node, seen }
}

/** Puts the lease of the node with this last number. */
function put(etcd: Etcd, number: number, value = valueOf(number)): void {
  etcd.ctl('put', `${leases}10.3.${number}.0-24`, value)
}

function remove(etcd: Etcd, number: number): void {
  etcd.ctl('del', `${leases}10.3.${number}.0-24`)
}

/** Waits for the last of what is seen, and returns all from the place on. */
async function until(seen: readonly string[], last: string, from = 0): Promise<readonly string[]> {
  await eventually(last, () => seen.slice(from).includes(last))
  return seen.slice(from)
}

const putLine = (number: number) => `put 10.3.${number}.0-24 192.0.2.${number}`

t.test('all leases, and then what changes, without the own', options, async (t) => {
  const { etcd, node, seen } = await start(t)
  put(etcd, 3)
  put(etcd, 1) // the own one
  remove(etcd, 2)
  put(etcd, 3)
  const short = /lease (\w+) granted/.exec(etcd.ctl('lease', 'grant', '1'))?.[1] ?? ''
  etcd.ctl('put', `--lease=${short}`, `${leases}10.3.4.0-24&fd00:3::-64`, valueOf(4))
  etcd.ctl('put', '/net/subnetsx', valueOf(5))
  remove(etcd, 1)
  t.strictSame(await until(seen, 'removed 10.3.4.0-24&fd00:3::-64'), [
    'all 10.3.2.0-24',
    putLine(3),
    'removed 10.3.2.0-24',
    putLine(3),
    'put 10.3.4.0-24&fd00:3::-64 192.0.2.4',
    'removed 10.3.4.0-24&fd00:3::-64',
  ])
  t.equal(node.reconnects, 0)
})

t.test('what is malformed is passed over', options, async (t) => {
  const { etcd, proxy, node, seen } = await start(t)
  const values = ['', 'null', '[]', '"x"', '{"PublicIP":"192.0.2.300"}', '{"BackendType":[]}']
  for (const value of values) put(etcd, 2, value)
  const names = ['10.12.13.300-24', '10.3.1.0-24hi', '&2001::-56', '10.3.9.9-24', '', '10.3.9.0']
  for (const name of names) etcd.ctl('put', leases + name, valueOf(2))
  for (const name of names) etcd.ctl('del', leases + name)
  put(etcd, 5, '{')
  remove(etcd, 5)
  put(etcd, 6, 'x')
  put(etcd, 3)
  t.strictSame(await until(seen, putLine(3)), ['all 10.3.2.0-24', putLine(3)])
  const passedOver = node.log.filter((line) => line.includes('is passed over'))
  t.equal(passedOver.length, values.length + names.length + 2)

  // A list of all keeps what was known, and says nothing twice.
  proxy.cut()
  await etcd.backUp()
  await etcd.loseData()
  put(etcd, 2, 'garbage')
  put(etcd, 3)
  proxy.heal()
  await until(seen, 'all 10.3.2.0-24 10.3.3.0-24')
  t.equal(node.log.filter((line) => line.includes('is passed over')).length, passedOver.length + 1)
})

t.test('what happens while etcd cannot be reached', options, async (t) => {
  const { etcd, proxy, node, seen } = await start(t)
  proxy.cut()
  put(etcd, 3)
  put(etcd, 4)
  remove(etcd, 2)
  remove(etcd, 3)
  await eventually('tries', () => node.reconnects >= 2)
  t.equal(seen.length, 1)
  proxy.heal()
  t.strictSame(await until(seen, 'removed 10.3.3.0-24', 1), [
    putLine(3),
    putLine(4),
    'removed 10.3.2.0-24',
    'removed 10.3.3.0-24',
  ])
  t.ok(node.errors.includes('watch'))
  t.ok(node.log.includes('/net/subnets/ is watched again'))
})

t.test('a restart of etcd', options, async (t) => {
  const { etcd, node, seen } = await start(t)
  await etcd.stop('SIGKILL')
  await etcd.start()
  put(etcd, 3)
  t.strictSame(await until(seen, putLine(3), 1), [putLine(3)])
  t.ok(node.reconnects > 0)
})

t.test('a restart of etcd while nobody takes what the watch has', options, async (t) => {
  const { etcd, node } = await start(t)
  const watch = node.manager.watch(new AbortController().signal)
  await watch.next()
  put(etcd, 3)
  t.match(await watch.next(), { value: { kind: 'put', key: `${leases}10.3.3.0-24` } })
  put(etcd, 4)
  await setTimeout(300)
  await etcd.stop('SIGKILL')
  await etcd.start()
  put(etcd, 5)
  t.match(await watch.next(), { value: { kind: 'put', key: `${leases}10.3.4.0-24` } })
  t.match(await watch.next(), { value: { kind: 'put', key: `${leases}10.3.5.0-24` } })
  await watch.return()
})

t.test('a deletion that a compaction hides', options, async (t) => {
  const { etcd, proxy, seen } = await start(t)
  put(etcd, 3)
  await until(seen, putLine(3))
  // A watch that goes on is none the worse.
  compact(etcd)
  put(etcd, 4)
  await until(seen, putLine(4))
  proxy.cut()
  remove(etcd, 3)
  put(etcd, 5)
  compact(etcd)
  const before = seen.length
  proxy.heal()
  const all = 'all 10.3.2.0-24 10.3.4.0-24 10.3.5.0-24'
  t.strictSame(await until(seen, all, before), [all])
  put(etcd, 6)
  await until(seen, putLine(6), before + 1)
})

function compact(etcd: Etcd): void {
  const revision = /"revision":(\d+)/.exec(etcd.ctl('get', '--write-out=json', '/x'))?.[1] ?? ''
  etcd.ctl('compact', '--physical', revision)
}

t.test('etcd with other data', options, async (t) => {
  const { etcd, seen, node } = await start(t)
  await etcd.backUp()
  put(etcd, 3)
  put(etcd, 4)
  await until(seen, putLine(4))
  await etcd.restore()
  await until(seen, 'all 10.3.2.0-24', 1)
  t.match(node.log.join('\n'), /its data were lost or replaced/)
  await etcd.loseData()
  await until(seen, 'all', 1)
  put(etcd, 9)
  await until(seen, putLine(9))
})

t.test('it ends at once, also when nobody takes what it has', options, async (t) => {
  const { etcd, node } = await start(t)
  const end = new AbortController()
  const watch = node.manager.watch(end.signal)
  t.match(await watch.next(), { value: { kind: 'all' } })
  for (let number = 10; number < 20; number++) put(etcd, number)
  t.match(await watch.next(), { value: { kind: 'put' } })
  await setTimeout(100)
  end.abort()
  t.strictSame(await watch.next(), { value: undefined, done: true })

  const idle = new AbortController()
  const waiting = node.manager.watch(idle.signal)
  await waiting.next()
  const next = waiting.next()
  await etcd.stop()
  await setTimeout(300)
  const beganMs = performance.now()
  idle.abort()
  t.strictSame(await next, { value: undefined, done: true })
  t.ok(performance.now() - beganMs < 500)
})

t.test('5,000 leases', options, async (t) => {
  const { etcd, node } = await start(t)
  const count = 5_000
  for (let from = 0; from < count; from += 100) {
    const puts = Array.from({ length: 100 }, (_, index) => {
      const [high, low] = [Math.floor((from + index) / 250), (from + index) % 250]
      return `put ${leases}10.${100 + high}.${low}.0-24 ${JSON.stringify(valueOf(low + 1))}`
    })
    await etcd.transaction(puts)
  }
  const watch = node.manager.watch(new AbortController().signal)
  const beganMs = performance.now()
  const { value } = await watch.next()
  const tookMs = performance.now() - beganMs
  t.equal(value?.kind === 'all' && value.leases.size, count + 1)
  t.comment(`${Math.round(tookMs)} ms for ${count} leases`)
  t.ok(tookMs < 2_000, `${Math.round(tookMs)} ms`)
  await watch.return()
})
