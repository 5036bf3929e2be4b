/** Who can read and write the state of the plugins, whatever mask they are called with. */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { firewallSkip } from '../support/firewall.ts'
import { installPlugins, makeInstalledNode } from '../support/installed-node.ts'

const skip = kernelSkip() || firewallSkip()
const plugins = installPlugins(t)
const ports = JSON.stringify({
  portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
})

/** The modes that Go's plugins have, where there are any; ours else. Masks take nothing of 0700. */
const wanted: [path: RegExp, mode: number][] = [
  [/^networks(?:\/cbr0)?$/, 0o755],
  [/^networks\/cbr0\/lock$/, 0o750],
  [/^(?:flannel|portmap|results)$/, 0o700],
  [/./, 0o600],
]

/** The modes below the folder; a symbolic link has none. */
function modesBelow(folder: string): [path: string, mode: number][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => [path, lstatSync(join(folder, path))] as const)
    .filter(([, stat]) => !stat.isSymbolicLink())
    .map(([path, { mode }]) => [path, mode & 0o7777])
}

for (const mask of ['000', '022', '077']) {
  t.test(`umask ${mask}`, { skip }, async (t) => {
    const node = makeInstalledNode(t, plugins)
    const pod = node.pod()
    const script = `umask ${mask}; CAP_ARGS='${ports}' exec cni add cbr0 ${pod.netns}`
    const path = 'PATH=/opt/cni/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    const { code, stderr } = await node.run('env', path, 'sh', '-c', script)
    t.equal(code, 0, stderr)
    const modes = modesBelow(node.at('var/lib/cni'))
    t.ok(modes.length >= 12, `${modes.length} files and folders`)
    for (const [file, mode] of modes) {
      const [, most = 0] = wanted.find(([pattern]) => pattern.test(file)) ?? []
      t.equal(mode.toString(8), (most & ~Number.parseInt(mask, 8)).toString(8), file)
    }
  })
}
