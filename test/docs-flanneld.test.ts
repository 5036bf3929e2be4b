/** The page of the node agent names all that there is. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { driftKinds } from '../flanneld/metrics.ts'
import { createMetrics } from '../flanneld/metrics-registry.ts'
import { parseOptions } from '../flanneld/options.ts'

const page = readFileSync(join(import.meta.dirname, '../docs/flanneld.md'), 'utf8')

t.test('every option, with its default', async (t) => {
  const rows = page.split('\n').filter((line) => line.startsWith('| `--'))
  for (const [name, initial] of Object.entries(parseOptions([], {}, t.fail))) {
    if (name === 'v') continue // in the table as -v
    const row = rows.find((line) => line.includes(`\`--${name}\``))
    t.ok(row ?? page.includes(`\`--${name}\``), name)
    const isShown =
      ['number', 'string'].includes(typeof initial) && !/^(?::?0)?$/.test(`${initial}`)
    if (row !== undefined && isShown) t.match(row, String(initial), name)
  }
})

t.test('every metric', async (t) => {
  const usage = () => ({ residentBytes: 1, cpuSeconds: 1 })
  const text = await (await createMetrics({ version: '1', usage })).text()
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)
  t.ok(names.length > 5, `${names.length} metrics`)
  for (const name of [...names, ...driftKinds]) t.match(page, `\`${name}`, name)
})
