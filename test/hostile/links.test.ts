/**
 * Symbolic links that somebody has planted where the plugins keep their state: what they lead to is
 * neither read nor written, removed or made.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { kernelSkip, type Pod } from '../../scripts/lab/node.ts'
import { firewallSkip } from '../support/firewall.ts'
import { type InstalledNode, installPlugins, makeInstalledNode } from '../support/installed-node.ts'
import { filesBelow } from '../support/snapshot.ts'

const skip = kernelSkip() || firewallSkip()
const plugins = installPlugins(t)
const state = 'var/lib/cni'
const ports = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
const secret = 'root:SECRET:19000:0:99999:7:::\n'

/** What stands in a state folder, by what is wrong with it when it is a link. */
const places: [path: string, isRefused: boolean][] = [
  ['networks/cbr0/10.244.1.2', false],
  ['networks/cbr0/last_reserved_ip.0', false],
  ['networks/cbr0/.ID eth0', false],
  ['networks/cbr0/lock', true],
  ['networks/cbr0/lock.lock', false],
  ['flannel/ID', false],
  ['flannel/.ID', false],
  ['portmap/cbr0:ID:eth0', false],
  ['portmap/.cbr0:ID:eth0', false],
  ['portmap/lock', true],
  ['results/cbr0-ID-eth0', false],
  ['results/.cbr0-ID-eth0.tmp', false],
]

/** The container ID that `cni` gives the pod. */
async function idOf(node: InstalledNode, pod: Pod): Promise<string> {
  await node.attach(pod, 'web')
  const [name = ''] = Object.keys(filesBelow(node.at(`${state}/flannel`)))
  await node.cni('del', 'cbr0', pod.netns)
  return name
}

/** All that can be seen of a file from outside. */
function look(path: string): object {
  const { mode, mtimeMs, ctimeMs, nlink, ino } = statSync(path)
  return { mode, mtimeMs, ctimeMs, nlink, ino, text: readFileSync(path, 'utf8') }
}

t.test('links to a file, and to nothing', { skip }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const pod = node.pod()
  const id = await idOf(node, pod)
  const file = node.at('var/lib/secret')
  writeFileSync(file, secret, { mode: 0o640 })
  const before = look(file)
  for (const [index, [place, isRefused]] of places.entries()) {
    rmSync(node.at(state), { recursive: true })
    const path = node.at(`${state}/${place.replace('ID', id)}`)
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(index % 2 === 0 ? '/var/lib/secret' : '/var/lib/planted', path)
    const add = await node.attach(pod, 'web', ports)
    t.equal(add.code, isRefused ? 1 : 0, `${place}: ${add.stderr}`)
    if (isRefused) t.match(add.stderr, new RegExp(`${place}: too many levels of symbolic links`))
    const others = [
      await node.cni('ps'),
      await node.cni('gc', 'cbr0'),
      await node.cni('del', 'cbr0', pod.netns),
    ]
    t.ok(isRefused || others[2]?.code === 0, `${place}: ${others[2]?.stderr}`)
    const said = [add, ...others].map(({ stdout, stderr }) => stdout + stderr)
    t.notMatch(said.join('\n'), /SECRET/, 'nobody is told what is in it')
    t.strictSame(look(file), before, place)
    t.notOk(existsSync(node.at('var/lib/planted')))
  }
})
