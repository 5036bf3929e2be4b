/** The flannel plugin when something was lost, or went wrong: nothing is left, nothing is stuck. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { inside, missingProgram, runSync } from '../../scripts/lab/run.ts'
import { veths } from '../support/bridge-network.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { globalCidrs, link, reaches } from '../support/ip.ts'

const options = { skip: kernelSkip() }

const subnetEnv =
  'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n' +
  'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'

for (const [what, text] of [
  ['missing', undefined],
  ['empty', ''],
  ['garbled', '{"type":"bri'],
] as const) {
  t.test(`DEL without subnet.env, its saved file ${what}`, options, async (t) => {
    const node = makeNode(t)
    const network = makeFlannelNetwork(node, subnetEnv)
    for (const pass of ['with prevResult', 'without prevResult', 'no sandbox', 'sandbox gone']) {
      const pod = node.pod()
      network.writeSubnetEnv(subnetEnv)
      const prevResult = await network.attach(pod)
      t.equal(network.reserved().length, 1)
      const file = join(node.dir, 'flannel', pod.containerId)
      if (text === undefined) rmSync(file)
      else writeFileSync(file, text)
      network.writeSubnetEnv(undefined)
      const keys = pass === 'with prevResult' ? { prevResult } : {}
      const call = { 'no sandbox': { netns: '' }, 'sandbox gone': { netns: `${pod.netns}-gone` } }[
        pass
      ]
      const { code, stdout, stderr } = await network.call('DEL', pod, keys, call)
      t.strictSame([code, stdout], [0, ''], pass)
      t.equal(stderr.split('\n').length - 1, text === undefined ? 0 : 1, 'one line says so')
      t.strictSame(network.reserved(), [])
      t.strictSame(network.saved(), {})
      t.strictSame(veths(node), [])
    }
  })
}

const masquerading = subnetEnv.replace('IPMASQ=true', 'IPMASQ=false')
const skipNft = kernelSkip() || missingProgram('nft')

t.test('DEL without the saved file removes the rules of ipMasq', { skip: skipNft }, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, masquerading)
  const rules = () => runSync(inside(node.netns, ['nft', 'list', 'ruleset'])).split('\n')
  await network.attach(pod)
  t.match(rules().join('\n'), /10\.244\.1\.2/, 'flanneld leaves it to the bridge')
  network.forget()
  await network.silent('DEL', pod)
  t.notMatch(rules().join('\n'), /10\.244\.1\.2/)
})

t.test('a failed ADD leaves nothing, and works when its cause is gone', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv)
  const { code, msg, details } = await network.refused('ADD', pod, { ipam: { type: 'nosuch' } })
  t.equal(code, 999)
  t.match(msg, 'failed to find plugin "nosuch"')
  t.match(details, 'in bridge', 'it says who could not go on')
  t.strictSame(network.saved(), {})
  t.strictSame(veths(node), [])
  t.equal(link(pod, 'eth0'), undefined)
  network.writeSubnetEnv(undefined)
  t.match(await network.refused('ADD', pod), { code: 11, details: /kube-flannel/ })
  network.writeSubnetEnv(subnetEnv)
  await network.attach(pod)
})

t.test('a repeated ADD keeps what is saved of the first', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv)
  const prevResult = await network.attach(pod)
  const saved = network.saved()
  t.match((await network.refused('ADD', pod, { delegate: { mtu: 1400 } })).msg, 'already exists')
  t.strictSame(network.saved(), saved)
  await network.silent('CHECK', pod, { prevResult })
  await network.silent('DEL', pod)
  t.strictSame(network.reserved(), [])
})

t.test('a DEL that failed can be repeated', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv)
  await network.attach(pod)
  const saved = network.saved()
  await network.refused('DEL', pod, {}, { path: '/nonexistent' })
  t.strictSame(network.saved(), saved)
  await network.silent('DEL', pod)
  t.strictSame([network.saved(), network.reserved()], [{}, []])
})

t.test('a DEL of what no ADD can have made succeeds', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv)
  const dataDir = join(node.dir, 'networks')
  for (const keys of [
    { delegate: { type: 'brigde' } },
    { delegate: { type: 'a/b' } },
    { delegate: { type: '' } },
    { delegate: { type: 'flannel' } },
    { delegate: { type: 5 } },
    { delegate: { bridge: '../x' } },
    { delegate: [] },
    { ipam: { type: 'host-lokal' } },
    { ipam: { dataDir, routes: 5 } },
    { cniVersion: undefined, delegate: { cniVersion: '9.9.9' } },
  ]) {
    await network.refused('ADD', pod, keys)
    for (const call of [{}, { netns: '' }]) {
      const { code, stdout } = await network.call('DEL', pod, keys, call)
      t.strictSame([code, stdout], [0, ''], JSON.stringify(keys))
    }
    t.strictSame([network.saved(), veths(node)], [{}, []])
  }
  const { stderr } = await network.call('DEL', pod, { delegate: { type: 'brigde' } })
  t.match(stderr, 'warning: nothing can have been added, and nothing is removed: failed to find')
})

t.test('a DEL without the delegate that made the attachment fails', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv)
  const prevResult = await network.attach(pod)
  const missing = { path: '/nonexistent' }
  const { msg, details } = await network.refused('DEL', pod, {}, missing)
  t.match(msg, 'failed to find plugin "bridge"')
  t.match(details, `${node.dir}/flannel/${pod.containerId} says that bridge made this attachment`)
  network.forget()
  await network.refused('DEL', pod, { prevResult }, missing)
  t.equal(network.reserved().length, 1)
  t.equal((await network.call('DEL', pod, { delegate: [] })).code, 0)
  t.strictSame(network.reserved(), [], 'a wrong configuration is no obstacle')
})

t.test('two interfaces of a pod on one network, in both orders', options, async (t) => {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  const delegate = { hairpinMode: true, isGateway: true } // one default route is enough
  for (const order of [
    ['eth0', 'net1'],
    ['net1', 'eth0'],
  ] as const) {
    const pod = node.pod()
    await network.attach(pod)
    const second = await network.attach(
      pod,
      { delegate, ipam: { dataDir: join(node.dir, 'networks'), type: 'host-local' } },
      { ifName: 'net1' },
    )
    t.equal(second.ips?.length, 1)
    t.equal(veths(node).length, 2)
    const [first, last] = order
    await network.silent('DEL', pod, {}, { ifName: first })
    t.equal(link(pod, first), undefined)
    const [address = ''] = globalCidrs(pod, last)
    t.strictSame(network.reserved(), [address.replace(/\/.*/, '')], 'the other one stays')
    t.equal(Object.keys(network.saved()).length, 1)
    t.ok(await reaches(node, address.replace(/\/.*/, '')))
    await network.silent('DEL', pod, {}, { ifName: first })
    await network.silent('DEL', pod, {}, { ifName: last })
    t.strictSame([network.saved(), network.reserved(), veths(node)], [{}, [], []])
  }
})
