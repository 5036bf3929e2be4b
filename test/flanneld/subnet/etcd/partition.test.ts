import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { Channel } from '../../../../flanneld/subnet/etcd/grpc.ts'
import { range } from '../../../../flanneld/subnet/etcd/methods.ts'
import { Etcd, etcdSkip } from '../../../../scripts/lab/etcd.ts'
import { EtcdNode, leases, valueOf } from '../../../support/etcd-node.ts'
import { EtcdProxy } from '../../../support/etcd-proxy.ts'
import { eventually } from '../../../support/eventually.ts'

const options = { skip: etcdSkip() }

t.test('an endpoint that goes silent is left for the next', options, async (t) => {
  const etcd = await Etcd.start(t)
  etcd.ctl('put', '/net/config', '{"Network": "10.3.0.0/16"}')
  const proxy = await EtcdProxy.start(t, etcd.url)
  const node = new EtcdNode(t, 1, [proxy.url, etcd.url])
  await node.acquire('10.3.1.1/24')
  const seen = node.watch(t)
  node.keep(t)
  await eventually('a first list of leases', () => seen.length > 0)
  proxy.silence()
  etcd.ctl('put', `${leases}10.3.2.0-24`, valueOf(2))
  const beganMs = performance.now()
  await setTimeout(500)
  t.strictSame(seen, ['all'])
  await eventually('what was put', () => seen.includes('put 10.3.2.0-24 192.0.2.2'))
  t.ok(performance.now() - beganMs < 18_000)
  t.match(node.log.join('\n'), /no answer to a ping within 5 s/)
  t.equal(node.reconnects, 1)
})

t.test('a connection that does not come about is given up', options, async (t) => {
  const etcd = await Etcd.start(t)
  const proxy = await EtcdProxy.start(t, etcd.url)
  proxy.silence()
  using channel = Channel.open(proxy.url.replace('http:', 'https:'))
  await t.rejects(channel.call(range, { key: '/a' }), {
    code: 14,
    message: /no connection within 5 s/,
  })
})

t.test('a call that is given up before there is a connection', options, async (t) => {
  const etcd = await Etcd.start(t)
  const proxy = await EtcdProxy.start(t, etcd.url)
  proxy.silence()
  const channel = Channel.open(proxy.url.replace('http:', 'https:'))
  await t.rejects(channel.call(range, { key: '/a' }, { timeoutMs: 100 }), { code: 4 })
  channel[Symbol.dispose]()
  await setTimeout(100) // an error of the stream that nobody takes would end the process
})
