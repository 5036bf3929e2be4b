/** A GC that does not say what is valid, as the Go project's `cnitool gc` calls plugins. */
import { join } from 'node:path'
import t from 'tap'
import { pluginNames } from '../../scripts/lab/executables.ts'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { onNode } from '../../scripts/lab/own-folders.ts'
import { run, runSync } from '../../scripts/lab/run.ts'
import { type InstalledNode, installPlugins, makeInstalledNode } from '../support/installed-node.ts'
import { filesBelow, interfaces } from '../support/snapshot.ts'

const options = { skip: kernelSkip() }

/** The configuration of each plugin on the node, as an entry of a list that cnitool has read. */
const keys: Readonly<Record<string, object>> = {
  flannel: { delegate: { hairpinMode: true, isDefaultGateway: true } },
  bridge: { ipMasq: true, ipam: { type: 'host-local', subnet: '10.244.1.0/24' } },
  'host-local': { ipam: { type: 'host-local', subnet: '10.244.1.0/24' } },
  portmap: { capabilities: { portMappings: true } },
  loopback: {},
}

/** All that a GC could remove. */
async function stateOf(node: InstalledNode) {
  // Packets that pass meanwhile change nothing but counters.
  const rules = runSync(onNode(node, ['nft', '--stateless', 'list', 'ruleset']))
  const files = filesBelow(node.at('var/lib/cni'))
  return { rules, files, links: interfaces(node) }
}

t.test('a GC without a list changes nothing, and says so', options, async (t) => {
  const node = makeInstalledNode(t, installPlugins(t))
  const added = await node.attach(node.pod(), 'web', [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  ])
  t.equal(added.code, 0, added.stderr)
  const before = await stateOf(node)
  const plugins = pluginNames()
  t.same(Object.keys(keys).sort(), plugins)
  for (const plugin of plugins) {
    const conf = { name: 'cbr0', cniVersion: '1.1.0', type: plugin, ...keys[plugin] }
    const gc = (more: object = {}) =>
      run(onNode(node, [join('/opt/cni/bin', plugin)]), {
        stdin: JSON.stringify({ ...conf, ...more }),
        env: { PATH: process.env['PATH'], CNI_COMMAND: 'GC', CNI_PATH: '/opt/cni/bin' },
      })
    const { code, stdout, stderr } = await gc()
    t.strictSame([code, stdout], [0, ''], plugin)
    t.match(stderr, `${plugin}: GC: warning: nothing is removed: `)
    t.equal(stderr.split('\n').length, 2, 'once, whatever it delegates to')
    t.strictSame(await stateOf(node), before, plugin)
    if (plugin === 'loopback') continue // it has nothing to collect, and looks at no list
    t.match(await gc({ 'cni.dev/valid-attachments': 'all' }), { code: 1, stdout: /"code": 7/ })
    t.strictSame(await stateOf(node), before, `${plugin}, with a malformed list`)
  }
})
