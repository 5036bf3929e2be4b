/** That the linter finds what .oxlintrc.json forbids: small bad files, in folders as they are here. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from '../scripts/lab/run.ts'

const root = join(import.meta.dirname, '..')

/** Lints files that have this one line each; returns what is found, as `path: rule: message`. */
async function lint(t: Test, files: ReadonlyMap<string, string>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lint-')) // what git ignores is not linted: no testdir
  t.teardown(() => rmSync(folder, { recursive: true }))
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
  for (const [path, text] of files) {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    writeFileSync(join(folder, path), `${text}\n`)
  }
  const node = ['env', '-u', 'NODE_OPTIONS', process.execPath] // no tap
  const oxlint = [...node, join(root, 'node_modules/.bin/oxlint'), '--format=json']
  const { stdout, stderr } = await run(oxlint, { cwd: folder })
  t.equal(stderr, '')
  const { diagnostics, number_of_files: count } = JSON.parse(stdout) as {
    readonly diagnostics: readonly { filename: string; code: string; message: string }[]
    readonly number_of_files: number
  }
  t.equal(count, files.size, 'all files are linted')
  return diagnostics.map(({ filename, code, message }) => `${filename}: ${code}: ${message}`)
}

/** The same for lines in one file each, whose names are made of the folders given. */
async function lintLines(t: Test, lines: readonly (readonly [file: string, line: string])[]) {
  const files = new Map(
    lines.map(([file, line], index) => [file.replace(/\bx\.ts$/, `x${index}.ts`), line]),
  )
  t.equal(files.size, lines.length, 'no file is there twice')
  const found = await lint(t, files)
  return [...files.keys()].map((file) => found.filter((text) => text.startsWith(`${file}: `)))
}

const globals = 'no-restricted-globals'
const imports = 'no-restricted-imports'

const bad: readonly (readonly [file: string, line: string, rule: string])[] = [
  ['lib/x.ts', 'export const home = process.env', globals],
  ['flanneld/x.ts', 'export const home = process.env', globals],
  ['lib/base/x.ts', "if (Math.random() > 1) console.log('x')", globals],
  ['commands/ps/x.ts', 'export const text = `${process.pid}`', globals],
  ['resident/x.ts', "process['exit'](1)", globals],
  ['ipam/host-local/x.ts', 'globalThis.process.exit()', globals],
  ['ipam/host-local/x.ts', 'export const { process } = globalThis', globals],
  ['plugins/bridge/x.ts', 'export const args = (process as unknown) as string[]', globals],
  ['plugins/bridge/x.ts', "export { env } from 'node:process'", imports],
  ['plugins/bridge/x.ts', "import process from 'node:process'\nprocess.exit()", imports],
  ['plugins/bridge/x.ts', "import { log } from 'node:console'\nlog()", imports],
  [
    'plugins/bridge/x.ts',
    "import { spawnSync } from 'node:child_process'\nspawnSync('x')",
    imports,
  ],
  ['plugins/bridge/x.ts', "export type { ChildProcess } from 'child_process'", imports],
  ['lib/base/exec.ts', "export { spawnSync } from 'node:child_process'", imports],
  ['lib/linux/libc.ts', "export { spawnSync } from 'node:child_process'", imports],
  ['commands/x.ts', "export const { fork } = await import('node:cluster')", imports],
  ['lib/x.ts', "import { Worker } from 'node:worker_threads'\nnew Worker('x')", imports],
  ['lib/net/x.ts', "export { dlopen } from 'node:ffi'", imports],
  ['resident/thread.ts', "export { dlopen } from 'node:ffi'", imports],
  ['lib/netlink/x.ts', "export { readFileSync } from 'node:fs'", imports],
  ['lib/netlink/x.ts', "export { socket } from '../linux/libc.ts'", imports],
  ['lib/netlink/x.ts', "export { execute } from '../base/exec.ts'", imports],
  ['lib/netlink/x.ts', "export { readIfThere } from '../base/files.ts'", imports],
  ['lib/netlink/x.ts', "export { Connection } from './connection.ts'", imports],
  ['lib/netlink/x.ts', "export type { Socket } from './socket.ts'", imports],
  ['lib/netlink/error.ts', "export { dlopen } from 'node:ffi'", imports],
  ['test/x.ts', 'export const equal = (a: unknown) => a == 1', 'eqeqeq'],
  ['test/x.ts', 'export const value: any = 1', 'no-explicit-any'],
  ['test/x.ts', 'try { JSON.parse(``) } catch {}', 'no-empty'],
  ['scripts/x.ts', 'let value = 1\nexport { value as other }', 'prefer-const'],
  ['scripts/x.ts', 'export const value = {\n  a: 1,\n  a: 2,\n}', 'no-dupe-keys'],
  ['scripts/x.ts', 'export const x = [\n' + '  1,\n'.repeat(299) + ']', 'max-lines'],
]

t.test('each file that breaks a rule is found', async (t) => {
  const found = await lintLines(
    t,
    bad.map(([file, line]) => [file, line]),
  )
  for (const [index, [file, line, rule]] of bad.entries()) {
    t.equal(found[index]?.length, 1, `${file} has one mistake: ${line}`)
    t.match(found[index]?.[0], `(${rule})`, `${file}: ${line}`)
  }
})

const good: readonly (readonly [file: string, line: string])[] = [
  ['plugins/main.ts', 'process.exit()'],
  ['lib/cni/host-process.ts', 'export const { env } = process'],
  ['scripts/x.ts', "import { spawn } from 'node:child_process'\nconsole.log(spawn, process.argv)"],
  ['lib/base/exec.ts', "export { getBuiltinModule } from 'node:process'"],
  ['lib/linux/libc.ts', "export { dlopen } from 'node:ffi'"],
  ['lib/x.ts', 'export const x = (child: { process: number[] }) => child.process.at(0)'],
  ['lib/x.ts', "export const text = 'the process. It ends' // a process.env of its own"],
  ['resident/x.ts', "export type { Worker } from 'node:worker_threads'"],
  ['lib/netlink/x.ts', "export { family } from '../ip/ip.ts'"],
  ['lib/netlink/x.ts', "export { struct } from './struct.ts'"],
  ['lib/netlink/connection.ts', "export { Netns } from '../linux/netns.ts'"],
  ['test/x.ts', 'try { JSON.parse(``) } catch { /* nothing is as good as this */ }'],
  ['test/x.ts', 'export const x = [\n' + '  1,\n'.repeat(298) + ']'],
]

t.test('a file that keeps them is not', async (t) => {
  for (const [index, found] of (await lintLines(t, good)).entries()) {
    t.strictSame(found, [], `${good[index]}`)
  }
})

t.test('files that import each other are found, and so are files that import types', async (t) => {
  const files = new Map([
    ['lib/a.ts', "import { b } from './b.ts'\nexport const a = () => b()"],
    ['lib/b.ts', "import { a } from './a.ts'\nexport const b = (): number => a()"],
    ['lib/c.ts', "import type { D } from './d.ts'\nexport type C = D | 1"],
    ['lib/d.ts', "import type { C } from './c.ts'\nexport type D = C | 2"],
    ['lib/e.ts', "export { a } from './a.ts'"],
  ])
  const found = (await lint(t, files)).sort()
  const cycle = (file: string) => `lib/${file}.ts: import(no-cycle): Dependency cycle detected`
  t.strictSame(found, ['a', 'b', 'c', 'd'].map(cycle))
})
