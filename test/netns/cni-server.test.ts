/** `cni install`, `version` and `uninstall` on a node where a server has listened, or still does. */
import { copyFileSync, existsSync } from 'node:fs'
import t from 'tap'
import { version } from '../../lib/base/version.ts'
import { binDir, frontSkip } from '../../scripts/lab/executables.ts'
import { kernelSkip, type Scope } from '../../scripts/lab/node.ts'
import { onNode } from '../../scripts/lab/own-folders.ts'
import { startUntil } from '../support/container.ts'
import { type InstalledNode, installPlugins, makeInstalledNode } from '../support/installed-node.ts'

const skip = kernelSkip() || frontSkip()
const plugins = skip ? '' : installPlugins(t)
const folder = 'run/flannel-cni'
const socket = `/${folder}/cni.sock`

/** Starts the installed server in the node's mount namespace of its own. */
function startServer(scope: Scope, node: InstalledNode) {
  return startUntil(scope, onNode(node, ['/opt/cni/bin/cni', 'serve']), 'listens on')
}

t.test('an upgrade says that the server is to be restarted', { skip }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  await startServer(t, node)
  const again = await node.cni('install')
  t.match(again, { code: 0, stderr: '' })
  // Calls from another mount namespace it declines: who installs from a container cannot know.
  const warning = `warning: the server on ${socket} is the one from before`
  t.match(again.stdout, warning)
  t.match(again.stdout, 'systemctl restart flannel-cni, or kubectl -n kube-system rollout restart')
})

t.test('version says what fronts find', { skip }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  t.match((await node.cni('version')).stdout, `resident server: none on ${socket}\n`)
  const script = `/opt/cni/bin/cni serve &
for i in $(seq 200); do [ -S ${socket} ] && break; sleep 0.05; done
/opt/cni/bin/cni version; /opt/cni/bin/cni install; kill $!; wait $!`
  const { code, stdout, stderr } = await node.run('sh', '-c', script)
  t.equal(code, 0, stderr)
  t.match(stdout, `cni ${version}\n`)
  t.match(stdout, `resident server: of this version on ${socket}\n`)
  t.match(stdout, 'are up to date\n')
  t.notMatch(stdout, 'warning')
})

t.test('uninstall keeps the socket of a server, and removes a dead one’s', { skip }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const { child, closed } = await startServer(t, node)
  const { code, stdout, stderr } = await node.cni('uninstall')
  t.equal(code, 0, stderr)
  t.match(stdout, `keeping ${socket}: a server listens there; stop it: systemctl disable --now`)
  t.ok(existsSync(node.at(folder)))
  child.kill('SIGKILL')
  await closed
  copyFileSync(`${binDir()}/cni`, node.at('opt/cni/bin/cni'))
  const again = await node.cni('uninstall')
  t.match(again.stdout, `  ${socket}\n`)
  t.notOk(existsSync(node.at(folder)))
})
