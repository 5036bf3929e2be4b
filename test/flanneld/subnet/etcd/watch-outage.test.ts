import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { type Etcd, etcdSkip } from '../../../../scripts/lab/etcd.ts'
import { leases } from '../../../support/etcd-node.ts'
import {
  putLease,
  putLine,
  removeLease,
  startWatching,
  until,
} from '../../../support/etcd-watch.ts'
import { eventually } from '../../../support/eventually.ts'

const options = { skip: etcdSkip() }

t.test('what happens while etcd cannot be reached', options, async (t) => {
  const { etcd, proxy, node, seen } = await startWatching(t)
  proxy.cut()
  putLease(etcd, 3)
  putLease(etcd, 4)
  removeLease(etcd, 2)
  removeLease(etcd, 3)
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
  const { etcd, node, seen } = await startWatching(t)
  await etcd.stop('SIGKILL')
  await etcd.start()
  putLease(etcd, 3)
  t.strictSame(await until(seen, putLine(3), 1), [putLine(3)])
  t.ok(node.reconnects > 0)
})

t.test('a restart of etcd while nobody takes what the watch has', options, async (t) => {
  const { etcd, node } = await startWatching(t)
  const watch = node.manager.watch(new AbortController().signal)
  await watch.next()
  putLease(etcd, 3)
  t.match(await watch.next(), { value: { kind: 'put', key: `${leases}10.3.3.0-24` } })
  putLease(etcd, 4)
  await setTimeout(300)
  await etcd.stop('SIGKILL')
  await etcd.start()
  putLease(etcd, 5)
  t.match(await watch.next(), { value: { kind: 'put', key: `${leases}10.3.4.0-24` } })
  t.match(await watch.next(), { value: { kind: 'put', key: `${leases}10.3.5.0-24` } })
  await watch.return()
})

t.test('a deletion that a compaction hides', options, async (t) => {
  const { etcd, proxy, seen } = await startWatching(t)
  putLease(etcd, 3)
  await until(seen, putLine(3))
  // A watch that goes on is none the worse.
  compact(etcd)
  putLease(etcd, 4)
  await until(seen, putLine(4))
  proxy.cut()
  removeLease(etcd, 3)
  putLease(etcd, 5)
  compact(etcd)
  const before = seen.length
  proxy.heal()
  const all = 'all 10.3.2.0-24 10.3.4.0-24 10.3.5.0-24'
  t.strictSame(await until(seen, all, before), [all])
  putLease(etcd, 6)
  await until(seen, putLine(6), before + 1)
})

function compact(etcd: Etcd): void {
  const revision = /"revision":(\d+)/.exec(etcd.ctl('get', '--write-out=json', '/x'))?.[1] ?? ''
  etcd.ctl('compact', '--physical', revision)
}

t.test('etcd with other data', options, async (t) => {
  const { etcd, seen, node } = await startWatching(t)
  await etcd.backUp()
  putLease(etcd, 3)
  putLease(etcd, 4)
  await until(seen, putLine(4))
  await etcd.restore()
  await until(seen, 'all 10.3.2.0-24', 1)
  t.match(node.log.join('\n'), /its data were lost or replaced/)
  await etcd.loseData()
  await until(seen, 'all', 1)
  putLease(etcd, 9)
  await until(seen, putLine(9))
})
