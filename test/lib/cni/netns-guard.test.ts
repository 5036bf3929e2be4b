import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkNetns } from '../../../lib/cni/netns-guard.ts'
import type { PluginCommand } from '../../../lib/cni/plugin.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const own = '/proc/self/ns/net'
const message = "plugin's netns and netns from CNI_NETNS should not be the same"

t.test('refuses the namespace of the host, by whatever path', async (t) => {
  const link = join(t.testdir({}), 'netns')
  symlinkSync(own, link)
  for (const command of ['ADD', 'DEL'] as const) {
    for (const netns of [own, link, `/proc/${process.pid}/ns/net`]) {
      const error = thrown(() => checkNetns(requestOf({ command, netns })))
      t.match(error, { code: 8, message })
      t.match(error.details, `CNI_NETNS=${netns}`)
      t.match(error.details, 'CNI_NETNS_OVERRIDE=1')
    }
  }
})

const overrides: [value: string, allowed: boolean][] = [
  ['1', true],
  ['true', true],
  ['TRUE', true],
  ['True', true],
  ['', false],
  ['0', false],
  ['yes', false],
  ['1 ', false],
]

t.test('lets CNI_NETNS_OVERRIDE say that it is meant', async (t) => {
  for (const [value, allowed] of overrides) {
    const request = requestOf({ netns: own, env: { CNI_NETNS_OVERRIDE: value } })
    if (allowed) t.doesNotThrow(() => checkNetns(request), value)
    else t.equal(thrown(() => checkNetns(request)).code, 8, value)
  }
})

t.test('minds only ADD and DEL', async (t) => {
  const others: PluginCommand[] = ['CHECK', 'STATUS', 'GC']
  for (const command of others) {
    t.doesNotThrow(() => checkNetns(requestOf({ command, netns: own })), command)
  }
})

t.test('leaves a path that leads nowhere to the plugin', async (t) => {
  const loop = join(t.testdir({}), 'loop')
  symlinkSync('loop', loop)
  for (const netns of ['', '/nowhere', '/etc/passwd/x', loop, `/${'x'.repeat(5000)}`]) {
    t.doesNotThrow(() => checkNetns(requestOf({ netns })), netns.slice(0, 20))
    t.doesNotThrow(() => checkNetns(requestOf({ command: 'DEL', netns })))
  }
})

t.test('accepts another namespace', { skip: kernelSkip() }, async (t) => {
  const { netns } = addNamespace(t)
  t.doesNotThrow(() => checkNetns(requestOf({ netns })))
})
