import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { conflistText } from '../../../commands/install/conflist-text.ts'
import {
  installConflist,
  loadConflist,
  missingPlugins,
} from '../../../commands/install/conflist.ts'
import { writeScript } from '../../support/fake-executable.ts'
import { thrown } from '../../support/thrown.ts'

const folders = { binDir: '/nowhere', confDir: '/nowhere' }
const name = '10-flannel.conflist'
const mine = JSON.stringify({ name: 'mine', cniVersion: '1.0.0', plugins: [{ type: 'flannel' }] })

/** Installs into a folder with these files, and returns what was said and what is there then. */
function install(dir: string, conflist?: string) {
  const lines: string[] = []
  const conf = join(dir, 'conf')
  const loaded = loadConflist({ ...folders, conflist })
  installConflist(loaded, conf, (line) => lines.push(line.replaceAll(`${conf}/`, '')))
  const files = readdirSync(conf).map((file) => [file, readFileSync(join(conf, file), 'utf8')])
  return { lines, files: Object.fromEntries(files) }
}

t.test('installs our own, once', async (t) => {
  const dir = t.testdir({ conf: {} })
  t.strictSame(install(dir), { lines: [`installed ${name}`], files: { [name]: conflistText } })
  t.strictSame(install(dir).lines, [`${name} is up to date`])
})

t.test('keeps one that somebody has changed', async (t) => {
  const dir = t.testdir({ conf: { [name]: mine, '.10-flannel.conflist.new.tmp': 'half' } })
  t.strictSame(install(dir), {
    lines: [`kept ${name}, which differs; the new one is ${name}.new`],
    files: { [name]: mine, [`${name}.new`]: conflistText },
  })
})

t.test('replaces one that is none', async (t) => {
  for (const torn of ['', '{', '{}', '{"name":"x","plugins":[]}']) {
    const { lines, files } = install(t.testdir({ conf: { [name]: torn } }))
    t.match(lines, [/^replaced .* which was no network configuration: error parsing/])
    t.strictSame(files, { [name]: conflistText })
  }
})

t.test('installs the one that was chosen, whatever is there and whatever its name', async (t) => {
  const dir = t.testdir({ 'cni-conf.json': mine, conf: { [name]: conflistText } })
  const chosen = join(dir, 'cni-conf.json')
  t.strictSame(install(dir, chosen), {
    lines: [`replaced ${name}, which differed`],
    files: { [name]: mine },
  })
  t.strictSame(install(dir, chosen).lines, [`${name} is up to date`])
})

t.test('says what is wrong with the chosen one', async (t) => {
  const file = join(t.testdir({ file: '{"name":"x"' }), 'file')
  const error = thrown(() => loadConflist({ ...folders, conflist: file }))
  t.match(error.message, 'error parsing configuration list')
  t.match(error.details, `in ${file}: correct it, or name another file`)
  t.throws(() => loadConflist({ ...folders, conflist: `${file}x` }), { code: 5 })
})

t.test('says which plugins a pod would miss', async (t) => {
  const dir = t.testdir({})
  writeScript(join(dir, 'flannel'), '')
  const plugins = [{ type: 'flannel' }, { type: 'portmap' }]
  const file = join(t.testdir({ file: JSON.stringify({ name: 'x', plugins }) }), 'file')
  const loaded = loadConflist({ ...folders, conflist: file })
  t.match(missingPlugins(loaded, join(file, '..')), [
    /"flannel"/,
    /"portmap".* network "x" calls it/,
  ])
})
