import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { searchTool, toolFolders } from '../../../lib/firewall/tool-search.ts'

const options = { skip: process.getuid?.() !== 0 && 'needs root, to give files away' }

/** A folder with folders, and the program `cnits-tool` in each of them. */
function setUp(t: { teardown(remove: () => void): void }, ...names: string[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'cnits-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return names.map((name) => {
    mkdirSync(join(dir, name))
    writeFileSync(join(dir, name, 'cnits-tool'), '', { mode: 0o755 })
    return join(dir, name)
  })
}

t.test('the usual folders come first, whatever PATH says', options, async (t) => {
  const [folder = ''] = setUp(t, 'bin')
  writeFileSync(join(folder, 'sh'), '', { mode: 0o755 })
  const { file, folders, passedOver } = searchTool('sh', `${folder}:x`)
  t.match(file, /^\/(usr\/)?bin\/sh$/)
  t.strictSame([folders, passedOver], [toolFolders, []])
})

t.test('then those of PATH in which nobody but root can put a program', options, async (t) => {
  const [other = '', open = '', plain = '', good = ''] = setUp(t, 'other', 'open', 'plain', 'good')
  chownSync(other, 4711, 0)
  chmodSync(open, 0o777)
  const tool = join(plain, 'cnits-tool')
  chownSync(tool, 4711, 0)
  const path = ['', 'bin', other, open, plain, '/usr/bin', good, good].join(':')
  t.strictSame(searchTool('cnits-tool', path), {
    file: join(good, 'cnits-tool'),
    folders: [...toolFolders, plain, good],
    passedOver: [
      '"" (no absolute path)',
      '"bin" (no absolute path)',
      `"${other}" (${other} belongs to user 4711)`,
      `"${open}" (others than root can write ${open})`,
      `"${tool}" (${tool} belongs to user 4711)`,
    ],
  })
  t.equal(searchTool('cnits-none', path).file, undefined)
  t.equal(searchTool('.', path).file, undefined, 'a folder is no program')
  chmodSync(join(good, 'cnits-tool'), 0o644)
  t.equal(searchTool('cnits-tool', path).file, undefined, 'nor is what nobody may execute')
})
