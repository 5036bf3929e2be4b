import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { formatCidr } from '../../../../lib/ip/ip.ts'
import { Etcd, etcdSkip } from '../../../../scripts/lab/etcd.ts'
import { EtcdNode } from '../../../support/etcd-node.ts'
import { EtcdProxy } from '../../../support/etcd-proxy.ts'
import { eventually } from '../../../support/eventually.ts'

const options = { skip: etcdSkip() }
const what = 'reading the network configuration, which is tried again each second: '

t.test('the configuration is waited for, and each problem said once', options, async (t) => {
  const etcd = await Etcd.start(t)
  await etcd.stop()
  const node = new EtcdNode(t, 1, [etcd.url])
  const reading = node.manager.networkConf(new AbortController().signal)
  const errors = (count: number) =>
    eventually('errors', () => node.errors.filter((each) => each === 'config').length >= count)
  await errors(2)
  t.equal(node.log.length, 1)
  t.match(node.log[0], /tried again each second: .*ECONNREFUSED/)
  await etcd.start()
  await eventually('a second problem', () => node.log.length === 2)
  t.ok(node.log[1]?.startsWith(`${what}/net/config is not in etcd; put the configuration there: `))
  const before = node.errors.length
  await errors(before + 2)
  etcd.ctl('put', '/net/config', '{"Network": ')
  await eventually('a third problem', () => node.log.length === 3)
  etcd.ctl('put', '/net/config', '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00::/48"}')
  await eventually('a fourth problem', () => node.log.length === 4)
  t.match(node.log[3], /IPv4 is not enabled, and etcd needs it/)
  etcd.ctl('put', '/net/config', '{"Network": "10.3.0.0/16", "SubnetLen": 17}')
  await eventually('a fifth problem', () => node.log.length === 5)
  etcd.ctl('put', '/net/config', '{"network": "10.3.0.1/16"}')
  const { families } = await reading
  t.strictSame(
    families.map(({ network }) => formatCidr(network)),
    ['10.3.0.0/16'],
  )
  const beganMs = performance.now()
  await node.manager.networkConf(new AbortController().signal)
  t.ok(performance.now() - beganMs < 500, 'at once when it is there')
})

t.test('it is no longer waited for when the signal is aborted', options, async (t) => {
  const etcd = await Etcd.start(t)
  const proxy = await EtcdProxy.start(t, etcd.url)
  const node = new EtcdNode(t, 1, [proxy.url])
  for (const silence of [() => undefined, () => proxy.silence()]) {
    silence()
    const end = new AbortController()
    const reading = t.rejects(node.manager.networkConf(end.signal), { name: 'AbortError' })
    await setTimeout(300)
    const beganMs = performance.now()
    end.abort()
    await reading
    t.ok(performance.now() - beganMs < 500)
  }
})
