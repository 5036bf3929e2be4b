import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { etcdSkip } from '../../../../scripts/lab/etcd.ts'
import { leases, valueOf } from '../../../support/etcd-node.ts'
import {
  putLease,
  putLine,
  removeLease,
  startWatching,
  until,
} from '../../../support/etcd-watch.ts'

const options = { skip: etcdSkip() }

t.test('all leases, and then what changes, without the own', options, async (t) => {
  const { etcd, node, seen } = await startWatching(t)
  putLease(etcd, 3)
  putLease(etcd, 1) // the own one
  removeLease(etcd, 2)
  putLease(etcd, 3)
  const short = /lease (\w+) granted/.exec(etcd.ctl('lease', 'grant', '1'))?.[1] ?? ''
  etcd.ctl('put', `--lease=${short}`, `${leases}10.3.4.0-24&fd00:3::-64`, valueOf(4))
  etcd.ctl('put', '/net/subnetsx', valueOf(5))
  removeLease(etcd, 1)
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
  const { etcd, proxy, node, seen } = await startWatching(t)
  const values = ['', 'null', '[]', '"x"', '{"PublicIP":"192.0.2.300"}', '{"BackendType":[]}']
  for (const value of values) putLease(etcd, 2, value)
  const names = ['10.12.13.300-24', '10.3.1.0-24hi', '&2001::-56', '10.3.9.9-24', '', '10.3.9.0']
  for (const name of names) etcd.ctl('put', leases + name, valueOf(2))
  for (const name of names) etcd.ctl('del', leases + name)
  putLease(etcd, 5, '{')
  removeLease(etcd, 5)
  putLease(etcd, 6, 'x')
  putLease(etcd, 3)
  t.strictSame(await until(seen, putLine(3)), ['all 10.3.2.0-24', putLine(3)])
  const passedOver = node.log.filter((line) => line.includes('is passed over'))
  t.equal(passedOver.length, values.length + names.length + 2)

  // A list of all keeps what was known, and says nothing twice.
  proxy.cut()
  await etcd.backUp()
  await etcd.loseData()
  putLease(etcd, 2, 'garbage')
  putLease(etcd, 3)
  proxy.heal()
  await until(seen, 'all 10.3.2.0-24 10.3.3.0-24')
  t.equal(node.log.filter((line) => line.includes('is passed over')).length, passedOver.length + 1)
})

t.test('it ends at once, also when nobody takes what it has', options, async (t) => {
  const { etcd, node } = await startWatching(t)
  const end = new AbortController()
  const watch = node.manager.watch(end.signal)
  t.match(await watch.next(), { value: { kind: 'all' } })
  for (let number = 10; number < 20; number++) putLease(etcd, number)
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
  const { etcd, node } = await startWatching(t)
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
