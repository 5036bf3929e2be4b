/** The flannel plugin with Go's bridge and host-local for its delegates. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { onNode } from '../../scripts/lab/own-folders.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { attachPod, cni, installConf, leftovers } from '../support/flannel-node.ts'
import { globalCidrs, link, reaches } from '../support/ip.ts'

const goPlugins = '/usr/lib/cni'
const skip =
  kernelSkip() ||
  (!existsSync(`${goPlugins}/bridge`) &&
    'Go’s plugins are not installed: apt-get install containernetworking-plugins')

const subnetEnv =
  'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n' +
  'FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=fd00:244:0:1::1/64\n' +
  'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'
const call = { path: goPlugins }

t.test('they do what flannel says', { skip }, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv, { cniVersion: '1.0.0' })
  const prevResult = await network.attach(pod, {}, call)
  t.strictSame(globalCidrs(pod, 'eth0'), ['10.244.1.2/24', 'fd00:244:0:1::2/64'])
  t.equal(link(pod, 'eth0')?.mtu, 1450)
  t.ok(await reaches(pod, '10.244.1.1'))
  // No CHECK: Go's bridge never finds the routes that have no gateway of their own.
  await network.silent('DEL', pod, { prevResult }, call)
  t.strictSame([network.saved(), network.reserved()], [{}, []])
  t.equal(link(pod, 'eth0'), undefined)
})

t.test('a DEL of which nothing is known any more frees the addresses', { skip }, async (t) => {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv, { cniVersion: '1.0.0' })
  for (const netns of [undefined, '']) {
    const pod = node.pod()
    await network.attach(pod, {}, call)
    t.equal(network.reserved().length, 2)
    network.forget()
    network.writeSubnetEnv(undefined)
    await network.silent('DEL', pod, {}, { ...call, ...(netns === '' && { netns }) })
    t.strictSame(network.reserved(), [])
    network.writeSubnetEnv(subnetEnv)
  }
})

t.test(
  'what is saved of pods that only Go’s bridge has deleted goes by GC',
  { skip },
  async (t) => {
    const node = makeNode(t)
    installConf(node, subnetEnv)
    const list = join(node.dir, 'etc/cni/net.d/10-flannel.conflist')
    const { cniVersions, ...conf } = JSON.parse(readFileSync(list, 'utf8'))
    t.ok(cniVersions.includes('1.1.0'))
    writeFileSync(list, JSON.stringify(conf)) // of a version without GC, which Go’s bridge knows
    const [stays, gone] = [await attachPod(node), await attachPod(node)]
    const [saved, results] = ['flannel', 'results'].map((name) =>
      join(node.dir, 'var/lib/cni', name),
    )
    const result = readdirSync(results ?? '').find((name) =>
      readFileSync(join(results ?? '', name), 'utf8').includes(gone.netns),
    )
    const id = result?.split('-').slice(1, -1).join('-') ?? ''
    const env = {
      ...{ CNI_COMMAND: 'DEL', CNI_CONTAINERID: id, CNI_NETNS: gone.netns, CNI_IFNAME: 'eth0' },
      ...{ CNI_PATH: goPlugins, PATH: process.env['PATH'] ?? '' },
    }
    const variables = Object.entries(env).map((pair) => pair.join('='))
    const file = join(saved ?? '', id)
    runSync(
      onNode(node, ['sh', '-c', `env "$@" ${goPlugins}/bridge < ${file}`, 'sh', ...variables]),
    )
    rmSync(join(results ?? '', result ?? ''))
    t.ok(existsSync(file), 'nobody else knows of it')
    t.match(await cni(node, 'gc', 'cbr0'), {
      ...{ code: 0, stderr: '' },
      stdout: 'attachments kept: 1, removed: 0\n',
    })
    t.notOk(existsSync(file))
    t.equal((await cni(node, 'check', 'cbr0', stays.netns)).code, 0)
    t.equal((await cni(node, 'del', 'cbr0', stays.netns)).code, 0)
    t.strictSame(leftovers(node), [])
  },
)
