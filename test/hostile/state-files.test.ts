/**
 * State that a power loss, or somebody, has spoiled: empty, cut off or garbled files of every kind.
 * Nobody removes them by hand, and each is named in one line.
 */
import { readFileSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { kernelSkip, type Pod } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { firewallSkip } from '../support/firewall.ts'
import { type InstalledNode, installPlugins, makeInstalledNode } from '../support/installed-node.ts'
import { filesBelow } from '../support/snapshot.ts'

const skip = kernelSkip() || firewallSkip()
const plugins = installPlugins(t)
const state = 'var/lib/cni'
const ports = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]

/** What becomes of the text of a file. */
const damages: Readonly<Record<string, (text: string) => string>> = {
  empty: () => '',
  'cut off': (text) => text.slice(0, text.length / 2),
  garbled: (text) => '\0\x01\x1b[2J\ufffd'.repeat(text.length),
}

/** The files of one attachment, by what tells them apart. */
const kinds: Readonly<Record<string, RegExp>> = {
  'an address': /^networks\/cbr0\/\d/,
  'the link of a reservation': /^networks\/cbr0\/\..* eth0$/,
  'a saved configuration': /^flannel\/[^/]+$/,
  'a record of host ports': /^portmap\/cbr0:/,
  'a cached result': /^results\/cbr0-/,
}

/** The one file of the kind; throws when there is none. */
function fileOf(node: InstalledNode, kind: RegExp): string {
  const path = Object.keys(filesBelow(node.at(state))).find((path) => kind.test(path))
  if (path === undefined) throw new Error(`there is no ${kind}`)
  return `${state}/${path}`
}

/** Spoils a file in a way that does not date its folder anew. */
function spoil(node: InstalledNode, path: string, damage: (text: string) => string): void {
  const target = filesBelow(node.at(state))[path.slice(state.length + 1)] ?? ''
  if (!target.startsWith('-> ')) {
    writeFileSync(node.at(path), damage(readFileSync(node.at(path), 'utf8')))
    return
  }
  unlinkSync(node.at(path))
  symlinkSync(damage(target.slice(3)).replaceAll('\0', '') || ' ', node.at(path))
  utimesSync(node.at(`${state}/networks/cbr0`), 1e9, 1e9)
}

/** What there is of attachments; locks and the last address are of none. */
function traces(node: InstalledNode): string[] {
  const files = Object.entries(filesBelow(node.at(state)))
  return files
    .filter(([path, content]) => content !== 'folder' && !/\/(?:lock|last_res[^/]*)$/.test(path))
    .map(([path]) => path)
}

async function attach(node: InstalledNode): Promise<Pod> {
  const pod = node.pod()
  const { code, stdout, stderr } = await node.attach(pod, 'web', ports)
  if (code !== 0) throw new Error(stdout + stderr)
  return pod
}

for (const [damage, change] of Object.entries(damages)) {
  t.test(`files that are ${damage}`, { skip }, async (t) => {
    const node = makeInstalledNode(t, plugins)
    for (const [kind, pattern] of Object.entries(kinds)) {
      const pod = await attach(node)
      const path = fileOf(node, pattern)
      spoil(node, path, change)
      const { code, stderr } = await node.cni('del', 'cbr0', pod.netns)
      t.equal(code, 0, kind)
      const isOthers = damage === 'cut off' && kind === 'an address' // of a shorter name
      if (isOthers) t.equal((await node.cni('gc', 'cbr0')).code, 0)
      t.strictSame(traces(node), [], kind)
      if (isOthers) continue
      const lines = stderr.split('\n').filter((line) => line !== '')
      t.equal(lines.length, 1, `${kind}: ${stderr}`)
      t.ok(stderr.includes(`/${path}`), stderr)
      t.notMatch(stderr, /[\0\x1b]/, 'what is in it does not reach a terminal')
    }
  })
}

t.test('files of a pod that is never deleted', { skip }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const gone = await attach(node)
  for (const [kind, pattern] of Object.entries(kinds)) {
    // What is no beginning of a configuration might be somebody else's file.
    const damage = kind === 'a saved configuration' ? damages['cut off'] : () => 'x\n y'
    if (damage !== undefined) spoil(node, fileOf(node, pattern), damage)
  }
  runSync(['ip', 'netns', 'delete', gone.name])
  const { code, stderr } = await node.attach(node.pod(), 'web', ports)
  t.not(code, 0)
  t.match(
    stderr,
    'nothing here tells whether its sandbox exists',
    'it may live, and keeps its port',
  )
  t.equal((await node.cni('gc', 'cbr0')).code, 0)
  const pod = await attach(node)
  await node.cni('del', 'cbr0', pod.netns)
  t.strictSame(traces(node), [])
})
