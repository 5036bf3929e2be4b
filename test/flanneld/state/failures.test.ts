import t from 'tap'
import { decodeChange } from '../../../lib/net/change.ts'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { cidr } from '../../support/address.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { link } from '../../support/ip.ts'
import { device, Machine, ReconciledNode, siteOf, vni } from '../../support/reconciled-node.ts'

const skip = kernelSkip() || vxlanSkip()
t.jobs = 4

t.test('what cannot be done keeps nothing else, and is tried again', { skip }, async (t) => {
  const machine = new Machine(t)
  const near = siteOf()
  const prefixes = [...near.underlay.prefixes, cidr('198.51.100.0/24')]
  const site = { ...near, underlay: { ...near.underlay, prefixes } }
  const node = new ReconciledNode(t, machine, { type: 'host-gw', options: {}, site })
  const publicIp = cidr('198.51.100.2/24').ip
  const route = '10.244.2.0/24 via 198.51.100.2 dev eth0'
  node.reconciler.setPeers(
    new Map([
      ['2', node.peer(2, { publicIp, backendType: 'host-gw' })],
      ['3', node.peer(3, { backendType: 'host-gw' })],
    ]),
  )
  await node.reconciler.settled()
  t.strictSame(machine.state(), ['10.244.3.0/24 via 192.0.2.3 dev eth0'])
  t.equal(node.reconciler.reachableCount, 1)
  const told = node.told('error', 'failed', 'repaired')
  t.strictSame(told[0], 'failed: route')
  t.match(told[1], /^error: route 10\.244\.2\.0\/24 is missing: adding it: network is unreachable/)
  t.equal(told.length, 2)
  // whatever happens meanwhile does not put the next attempt off
  const busy = setInterval(() => {
    node.reconciler.putPeer('3', node.peer(3, { backendType: 'host-gw' }))
    node.reconciler.putPeer('4', node.peer(4, { backendType: 'host-gw' }))
    node.reconciler.removePeer('4')
  }, 100)
  t.teardown(() => clearInterval(busy))
  const attempts: string[] = []
  await eventually('it is tried twice', () => {
    attempts.push(...node.told('error', 'failed', 'repaired'))
    return attempts.length >= 2
  })
  t.strictSame(attempts, ['failed: route', 'failed: route'], 'and is said no more')
  clearInterval(busy)
  machine.ip('address add 198.51.100.1/24 dev eth0')
  await eventually('the route is there', () => machine.state().includes(route))
  t.equal(node.reconciler.reachableCount, 2)
  t.strictSame(node.told('error', 'repaired'), [])
})

t.test('of very many failures some are said', { skip }, async (t) => {
  const machine = new Machine(t)
  machine.ip('address del 192.0.2.1/24 dev eth0')
  const node = new ReconciledNode(t, machine, { type: 'host-gw', options: {} })
  const numbers = Array.from({ length: 200 }, (_, index) => index + 2)
  await node.set(...numbers)
  const errors = node.told('error')
  t.equal(errors.length, 11)
  t.equal(errors[10], 'error: and 190 more failed, which -v=1 names')
  t.equal(node.reconciler.reachableCount, 0)
})

t.test('the underlay goes and comes back with another index', { skip }, async (t) => {
  const machine = new Machine(t)
  const node = new ReconciledNode(t, machine)
  await node.set(2)
  const before = machine.state()
  const { ifindex } = link(machine.namespace, 'eth0')!
  await node.quiet()
  node.told()
  machine.ip('link del eth0')
  await node.quiet()
  t.equal(node.reconciler.isReady, false)
  t.equal(link(machine.namespace, device), undefined)
  await node.set(2, 3)
  await node.set(2)
  const told = node.told('error', 'underlay')
  t.ok(told.includes('underlay: changed'))
  t.strictSame(
    told.filter((line) => line.startsWith('error')),
    [
      `error: ${device}: making ${device}: there is no interface eth0; it is made as soon as the interface is back`,
    ],
    'once',
  )
  machine.addUnderlay()
  await eventually('the device is there', () => node.reconciler.isReady)
  await node.quiet()
  t.strictSame(machine.state(), before)
  t.not(link(machine.namespace, 'eth0')?.ifindex, ifindex)
  t.strictSame(node.told('error'), [])
})

t.test('the underlay has another name', { skip }, async (t) => {
  const machine = new Machine(t)
  const node = new ReconciledNode(t, machine, {
    ...{ type: 'host-gw', options: {} },
  })
  const peers = () => new Map([['2', node.peer(2, { backendType: 'host-gw' })]])
  node.reconciler.setPeers(peers())
  await node.reconciler.settled()
  machine.ip('link set eth0 down')
  machine.ip('link set eth0 name wan0')
  machine.ip('link set wan0 up')
  await node.quiet()
  t.ok(node.told('underlay').length > 0)
  const { underlay, ...site } = siteOf()
  node.setSite({ ...site, underlay: { ...underlay, name: 'wan0' } })
  node.reconciler.setPeers(peers())
  await node.reconciler.settled()
  t.strictSame(machine.state(), ['10.244.2.0/24 via 192.0.2.2 dev wan0'])
  await node.quiet()
  node.told()
  machine.ip('address add 192.0.2.77/24 dev wan0')
  await node.quiet()
  t.ok(node.told('underlay').length > 0, 'it is the one that is watched')
})

t.test('more happens than the kernel can tell', { skip }, async (t) => {
  const machine = new Machine(t)
  const node = new ReconciledNode(t, machine)
  await node.set(2, 3)
  const before = machine.state()
  await node.quiet()
  node.told()
  const churn = Array.from({ length: 20_000 }, (_, index) => {
    const dst = `10.200.${index >> 8}.${index & 0xff}`
    return `route add ${dst}/32 dev eth0\nroute del ${dst}/32 dev eth0\n`
  })
  const news = machine.subscribe(t)
  const file = `${t.testdir({ batch: churn.join('') })}/batch`
  machine.ip(`-batch ${file}`)
  machine.ip('route del 10.244.2.0/24')
  t.equal(news.take().lost, true)
  await eventually('all is as it was', () => machine.state().join() === before.join())
  const told = node.told('repaired', 'underlay', 'error')
  t.ok(told.includes('underlay: changed'), 'it may have been changed, too')
  t.strictSame(
    told.filter((line) => !line.startsWith('underlay')),
    ['repaired: route'],
  )
})

t.test('two agents with other VNIs', { skip }, async (t) => {
  const machine = new Machine(t)
  const [one, two] = [vni, vni + 1].map((number) => {
    return new ReconciledNode(t, machine, { options: { VNI: number } })
  }) as [ReconciledNode, ReconciledNode]
  await Promise.all([one.reconciler.settled(), two.reconciler.settled()])
  one.reconciler.setPeers(new Map([['2', one.peer(2)]]))
  two.reconciler.setPeers(new Map([['3', two.peer(3)]]))
  await Promise.all([one.reconciler.settled(), two.reconciler.settled()])
  await one.quiet()
  const routes = machine.ip('route')
  t.match(routes, `10.244.2.0/24 via 10.244.2.0 dev ${device} onlink`)
  t.match(routes, `10.244.3.0/24 via 10.244.3.0 dev flannel.${vni + 1} onlink`)
  machine.ip(`link del ${device}`)
  await one.quiet()
  await one.quiet()
  t.match(machine.ip('route'), `10.244.2.0/24 via 10.244.2.0 dev ${device} onlink`)
  t.ok(one.told('repaired').length > 0)
  t.strictSame(two.told('repaired', 'error'), [])
})

t.test('routes of others', { skip }, async (t) => {
  const machine = new Machine(t)
  const foreign = [
    '10.244.2.0/24 via 192.0.2.2 dev eth0 proto bird',
    '10.244.66.0/24 via 192.0.2.66 dev eth0 proto bird',
    '10.244.67.0/24 via 192.0.2.67 dev eth0 proto static',
    '10.244.0.0/15 via 192.0.2.69 dev eth0',
    '192.168.0.0/16 via 192.0.2.69 dev eth0',
    '10.244.70.0/24 dev eth0 scope link',
  ]
  for (const words of foreign) machine.ip(`route add ${words}`)
  machine.ip('route add 10.244.68.0/24 via 192.0.2.68 dev eth0 table 100')
  machine.ip('route add 10.244.71.0/24 via 192.0.2.68 dev eth0')
  const node = new ReconciledNode(t, machine, { type: 'host-gw', options: {} })
  const set = async (...numbers: number[]) => {
    const peers = numbers.map((of) => [`${of}`, node.peer(of, { backendType: 'host-gw' })] as const)
    node.reconciler.setPeers(new Map(peers))
    await node.reconciler.settled()
  }
  const shown = () =>
    machine
      .ip('route')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.includes('proto kernel'))
  await set(2, 3)
  const direct = '10.244.3.0/24 via 192.0.2.3 dev eth0'
  t.strictSame(shown().sort(), [...foreign, direct].sort(), 'but for that of a peer that is gone')
  await set()
  await node.quiet()
  t.strictSame(shown().sort(), foreign.toSorted())
  t.match(machine.ip('route show table 100'), '10.244.68.0/24')
})

t.test('a program that changes the same route all the time', { skip }, async (t) => {
  const machine = new Machine(t)
  const node = new ReconciledNode(t, machine)
  await node.set(2)
  await node.quiet()
  node.told()
  const words = 'ip route replace 10.244.2.0/24 via 192.0.2.9; sleep 0.05'
  const cpuBefore = process.cpuUsage()
  const { exec } = process.getBuiltinModule('node:child_process')
  const script = `for i in $(seq 40); do ${words}; done`
  await new Promise((resolve) =>
    exec(`nsenter --net=${machine.namespace.netns} -- sh -c '${script}'`, resolve),
  )
  const { user, system } = process.cpuUsage(cpuBefore)
  const repairs = node.told('repaired')
  t.ok(repairs.length >= 4 && repairs.length <= 20, `${repairs.length} repairs`)
  t.ok(user + system < 1e6, `${(user + system) / 1000} ms of CPU`)
  await node.quiet()
  t.match(machine.ip('route'), `10.244.2.0/24 via 10.244.2.0 dev ${device} onlink`)
})

t.test('nothing is done once it is disposed of', { skip }, async (t) => {
  const machine = new Machine(t)
  const node = new ReconciledNode(t, machine)
  await node.set(2)
  const numbers = Array.from({ length: 250 }, (_, index) => index + 2)
  const done = node.set(...numbers)
  await node.reconciler[Symbol.asyncDispose]()
  await done
  const before = machine.state()
  const news = machine.subscribe(t)
  await node.put(254)
  machine.ip(`route del 10.244.2.0/24`)
  await node.quiet()
  t.equal(news.take().messages.flatMap(decodeChange).length, 1, 'but for the removal')
  t.equal(machine.state().length, before.length - 1)
})
