/** What is wrong in etcd is told, and keeps no good peer from being reached. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../../scripts/lab/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import { confKey, FlannelCluster, vxlanLease } from '../../support/flannel-cluster.ts'
import { reaches } from '../../support/ip.ts'
import { overlayState } from '../../support/overlay-state.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip()

/** Leases that are not followed, by their keys, and what is said of each. */
const bad: Readonly<Record<string, { readonly value: string; readonly said: RegExp }>> = {
  'no-key': {
    value: vxlanLease(30),
    said: /no-key.* is passed over: the key is not that of a lease/,
  },
  '10.244.31.0-33': { value: vxlanLease(31), said: /10\.244\.31\.0-33.* is passed over/ },
  '10.244.32.7-24': { value: vxlanLease(32), said: /10\.244\.32\.7-24.* is passed over/ },
  '10.244.33.0-24': { value: 'no JSON', said: /10\.244\.33\.0-24.* is passed over/ },
  '10.244.34.0-24': { value: '', said: /10\.244\.34\.0-24.* is passed over/ },
  '10.244.35.0-24': { value: '[]', said: /10\.244\.35\.0-24.* is passed over/ },
  '10.244.36.0-24': {
    value: vxlanLease(36).replace('192.168.9.36', 'no address'),
    said: /10\.244\.36\.0-24.* is passed over/,
  },
  '10.244.37.0-24': {
    value: vxlanLease(37).replace('192.168.9.37', 'fd00:9::37'),
    said: /10\.244\.37\.0-24/,
  },
  '10.244.38.0-24': {
    value: vxlanLease(38).replace('vxlan', 'host-gw'),
    said: /10\.244\.38\.0-24 is passed over: its backend is host-gw/,
  },
  '10.244.39.0-24': {
    value: vxlanLease(39).replace(/,"VtepMAC":"[^"]*"/, ''),
    said: /10\.244\.39\.0-24: .*BackendData has no VtepMAC/,
  },
  '10.244.40.0-24': {
    value: vxlanLease(40, 'no MAC'),
    said: /10\.244\.40\.0-24: .*BackendData has no VtepMAC/,
  },
  '10.244.0.0-16': {
    value: vxlanLease(41),
    said: /10\.244\.0\.0-16: .*overlaps this node’s own 10\.244\.1\.0\/24/,
  },
  '10.244.1.128-25': {
    value: vxlanLease(42),
    said: /10\.244\.1\.128-25: .*overlaps this node’s own 10\.244\.1\.0\/24/,
  },
  '192.168.0.0-16': {
    value: vxlanLease(43),
    said: /192\.168\.0\.0-16: .*it holds 192\.168\.9\.1\/24 of eth0/,
  },
  '0.0.0.0-0': { value: vxlanLease(44), said: /0\.0\.0\.0-0.* is passed over/ },
  '0.0.0.0-1': { value: vxlanLease(45), said: /0\.0\.0\.0-1: .*overlaps this node’s own/ },
  '128.0.0.0-1': { value: vxlanLease(46), said: /128\.0\.0\.0-1: .*it holds 192\.168\.9\.1\/24/ },
}

t.test('bad leases', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t)
  const [one] = cluster.pair
  await eventually('the peer', () => overlayState(one)?.routes.length === 1)
  const right = overlayState(one)

  const isGood = async () => {
    t.strictSame(overlayState(one), right)
    t.ok(await reaches(one, '10.244.2.0'), 'the good peer is reached')
  }

  await t.test('come while the agent runs', async (t) => {
    for (const [name, { value, said }] of Object.entries(bad)) {
      cluster.putLease(name, value)
      await one.agent.says(said)
      t.equal(one.agent.lines(said).length, 1, `${name} is told once`)
    }
    await isGood()
  })

  await t.test('are there when it starts', async (t) => {
    await one.agent.end('SIGTERM')
    await one.agent.start()
    for (const [name, { said }] of Object.entries(bad)) {
      await one.agent.says(said)
      t.equal(one.agent.lines(said).length, 1, `${name} is told once`)
    }
    await isGood()
  })

  for (const name of Object.keys(bad)) cluster.removeLease(name)

  await t.test('two leases with one MAC', async (t) => {
    cluster.putLease('10.244.50.0-24', vxlanLease(50))
    await eventually('the first', () => overlayState(one)?.routes.length === 2)
    const fdb = overlayState(one)?.fdb
    cluster.putLease('10.244.51.0-24', vxlanLease(51, '0e:00:00:00:00:50'))
    await one.agent.says(
      /10\.244\.51\.0-24 and .*10\.244\.50\.0-24 both need fdb 0e:00:00:00:00:50/,
    )
    t.strictSame(overlayState(one)?.fdb, fdb, 'the first keeps it')
    cluster.removeLease('10.244.50.0-24')
    await eventually('the second gets it', () =>
      (overlayState(one)?.fdb ?? []).includes('0e:00:00:00:00:50 192.168.9.51 self'),
    )
    cluster.removeLease('10.244.51.0-24')
    await eventually('both are gone', () => overlayState(one)?.routes.length === 1)
    await isGood()
  })

  await t.test('two leases with one public address', async () => {
    cluster.putLease('10.244.52.0-24', vxlanLease(52))
    cluster.putLease('10.244.53.0-24', vxlanLease(52, '0e:00:00:00:00:53'))
    await eventually('both', () => overlayState(one)?.routes.length === 3)
    cluster.removeLease('10.244.52.0-24')
    cluster.removeLease('10.244.53.0-24')
    await eventually('neither', () => overlayState(one)?.routes.length === 1)
    await isGood()
  })
})

t.test('bad configurations are waited over', { skip }, async (t) => {
  const cluster = await FlannelCluster.make(t, { wires: [1] })
  const { etcd, nodes } = cluster
  const agent = nodes[0]?.agent
  if (agent === undefined) throw new Error('the cluster has no node')
  const good = etcd.ctl('get', '--print-value-only', confKey).trimEnd()
  etcd.ctl('del', confKey)
  agent.launch()
  await agent.says(/\/coreos\.com\/network\/config is not in etcd/)
  const confs: readonly [string, RegExp][] = [
    ['no JSON', /network\/config.*JSON/i],
    ['{}', /Network/],
    ['{"Network": "10.244.0.0"}', /"10\.244\.0\.0"/],
    ['{"Network": "10.244.0.0/30"}', /10\.244\.0\.0\/30/],
    ['{"Network": "10.244.0.0/16", "SubnetLen": 17}', /SubnetLen/],
    ['{"Network": "10.244.0.0/16", "SubnetMin": "10.0.0.0"}', /SubnetMin/],
    ['{"Network": 7}', /Network/],
  ]
  for (const [conf, said] of confs) {
    const from = agent.log.length
    etcd.ctl('put', confKey, conf)
    await agent.says(said, from)
    await setTimeout(100)
    t.equal(agent.log.slice(from).trimEnd().split('\n').length, 1, `${conf} is told once`)
    t.ok(agent.isRunning)
  }
  etcd.ctl('put', confKey, good)
  await agent.says(/Running backend/)
  t.match(agent.subnetEnv, 'FLANNEL_SUBNET=10.244.1.1/24')
})
