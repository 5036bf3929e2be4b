/** The shipped configurations work as they stand: `cni` runs each in the places they name. */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../scripts/lab/executables.ts'
import { kernelSkip, makeNode, type Node, type Pod } from '../scripts/lab/node.ts'
import { makeOwnFolders, onNode } from '../scripts/lab/own-folders.ts'
import { run } from '../scripts/lab/run.ts'
import { addresses, globalCidrs, reaches } from './support/ip.ts'

const conf = join(import.meta.dirname, '../conf')

const networks = [
  {
    name: 'cbr0',
    subnetEnv: 'subnet.env',
    cidrs: ['10.244.1.2/24'],
    gateways: ['10.244.1.1'],
  },
  {
    name: 'cbr0',
    subnetEnv: 'subnet-dual-stack.env',
    cidrs: ['10.244.1.2/24', 'fd00:244:0:1::2/64'],
    gateways: ['10.244.1.1', 'fd00:244:0:1::1'],
  },
  {
    name: 'bridge',
    cidrs: ['10.245.0.2/24', 'fd00:245::2/64'],
    gateways: ['10.245.0.1', 'fd00:245::1'],
  },
] as const

/** Runs `cni <verb> <network>` for the pod as eth0. */
function cni(node: Node, verb: string, network: string, pod: Pod) {
  const env = { PATH: process.env['PATH'], NETCONFPATH: conf, CNI_PATH: binDir() }
  return run(onNode(node, [join(binDir(), 'cni'), verb, network, pod.netns]), { env })
}

for (const { name, cidrs, gateways, ...rest } of networks) {
  const subnetEnv = 'subnetEnv' in rest ? rest.subnetEnv : ''
  t.test([name, subnetEnv].join(' '), { skip: kernelSkip() }, async (t) => {
    const node = makeNode(t)
    makeOwnFolders(node)
    if (subnetEnv !== '') {
      copyFileSync(join(conf, subnetEnv), join(node.dir, 'run/flannel/subnet.env'))
    }
    const pod = node.pod()
    const added = await cni(node, 'add', name, pod)
    t.equal(added.code, 0, added.stdout + added.stderr)
    t.same(globalCidrs(pod, 'eth0'), cidrs)
    for (const gateway of gateways) t.ok(await reaches(pod, gateway), `${gateway} answers`)
    const checked = await cni(node, 'check', name, pod)
    t.equal(checked.code, 0, checked.stdout + checked.stderr)
    const deleted = await cni(node, 'del', name, pod)
    t.equal(deleted.code, 0, deleted.stdout + deleted.stderr)
    t.same(globalCidrs(pod, 'eth0'), [])
  })
}

t.test('loopback', { skip: kernelSkip() }, async (t) => {
  const node = makeNode(t)
  makeOwnFolders(node)
  const pod = node.pod()
  const { code, stdout, stderr } = await cni(node, 'add', 'loopback', pod)
  t.equal(code, 0, stdout + stderr)
  t.same(
    addresses(pod, 'lo').map(({ local }) => local),
    ['127.0.0.1', '::1'],
  )
})

t.test('every configuration speaks 1.0.0 to runtimes that know no list of versions', async (t) => {
  for (const file of readdirSync(conf).filter((name) => name.endsWith('.conflist'))) {
    const { cniVersion, cniVersions, plugins } = JSON.parse(readFileSync(join(conf, file), 'utf8'))
    t.equal(cniVersion, '1.0.0', file)
    t.ok(cniVersions.includes(cniVersion))
    t.ok(plugins.length > 0)
  }
})
