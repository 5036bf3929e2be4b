/** A node whose subnet is full of addresses that nobody released: its next pods get theirs. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hostLocal } from '../../ipam/host-local/index.ts'
import { kernelSkip, makeNode, type Node } from '../../scripts/lab/node.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { subnetEnv } from '../support/flannel.ts'
import { globalCidrs } from '../support/ip.ts'
import { contextOf, requestOf } from '../support/request.ts'

/** All of 10.244.1.0/24 but the network, the gateway and the broadcast address. */
const room = 253

/** Reserves addresses for pods whose namespaces are removed without DEL. */
function leak({ dir }: Node, count: number): void {
  const context = contextOf({ now: () => Date.now() })
  const ipam = { dataDir: join(dir, 'networks'), ranges: [[{ subnet: '10.244.1.0/24' }]] }
  const folder = join(dir, 'netns')
  mkdirSync(folder)
  for (let index = 0; index < count; index++) {
    const netns = join(folder, String(index))
    writeFileSync(netns, '')
    const conf = { name: 'cbr0', ipam }
    hostLocal.add(requestOf({ containerId: `leak${index}`, netns, conf }), context)
    rmSync(netns)
  }
}

async function recovers(t: Test, spoil: (folder: string) => void): Promise<void> {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  const living = node.pod()
  await network.attach(living)
  leak(node, room - 1)
  t.equal(network.reserved().length, room)
  spoil(join(node.dir, 'networks/cbr0'))
  const pod = node.pod()
  const { code, stdout, stderr } = await network.call('ADD', pod)
  t.equal(code, 0, stdout)
  t.notSame(globalCidrs(pod, 'eth0'), globalCidrs(living, 'eth0'))
  t.ok(network.reserved().includes('10.244.1.2'), 'that of the pod that lives')
  t.match(stderr, /warning: took back 10\.244\.1\.\d+ of leak\d+, .* and 232 more in .*\n$/)
  for (const each of [living, pod]) await network.silent('DEL', each)
  t.strictSame(network.reserved(), [])
}

t.test('a subnet that is full of leaks', { skip: kernelSkip() }, async (t) => {
  await recovers(t, () => undefined)
})

t.test('the same after calls that were killed', { skip: kernelSkip() }, async (t) => {
  await recovers(t, (folder) => {
    mkdirSync(join(folder, 'lock.lock'))
    for (let index = 0; index < 50; index++) writeFileSync(join(folder, `.new-${index}`), '')
    t.ok(readdirSync(folder).length > 300)
  })
})
