import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { footprints } from '../../commands/node/plugin-calls.ts'
import { plugins } from '../../plugins/plugin-set.ts'

const root = join(import.meta.dirname, '../..')

t.test('every plugin has a footprint', async (t) => {
  t.strictSame(
    footprints.map(({ plugin }) => plugin).sort(),
    plugins.map(({ name }) => name).sort(),
  )
})

t.test('no plugin call loads one', async (t) => {
  const files = globSync('{plugins,ipam,lib,resident}/**/*.ts', { cwd: root })
  const readers = files.filter((file) =>
    /^import (?!type)[^]*?\/footprint\.ts'/m.test(
      readFileSync(join(root, file), 'utf8').replaceAll(/^import type .*$/gm, ''),
    ),
  )
  t.ok(files.length > 100)
  t.strictSame(readers, [])
})

t.test('the command has no names of plugins’ chains, tables and folders of its own', async (t) => {
  for (const file of globSync('commands/**/*.ts', { cwd: root })) {
    const text = readFileSync(join(root, file), 'utf8').replaceAll(/\/\*\*[^]*?\*\/|\/\/ .*/g, '')
    t.notMatch(text, /['"`](?:cni_|CNI-|cni0|veth(?!')|last_reserved_ip|\/var\/lib\/cni\/)/, file)
  }
})
