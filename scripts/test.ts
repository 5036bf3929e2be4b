/**
 * Runs the tests: `test.ts [file ...]`, all of them when none is named. The raw TAP goes to
 * dist/test.tap; what a person reads ends with one line: `N passed, N failed, N skipped`. With
 * CNI_TEST_RESIDENT=1 the plugins are called through resident servers, which write what they say to
 * dist/resident.log.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, globSync, mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { Parser } from 'tap-parser'
import { removeLeftovers } from './test/leftovers.ts'
import { Report } from './test/report.ts'
import { readResidentLog } from './test/resident-log.ts'

const root = join(import.meta.dirname, '..')
const log = join(root, 'dist/test.tap')
const residentLog = process.env['CNI_TEST_RESIDENT'] ? join(root, 'dist/resident.log') : ''

const named = process.argv.slice(2)
const all = globSync('test/**/*.test.ts', { cwd: root }).sort()
const files = named.length > 0 ? named : all

const report = new Report()
if (residentLog !== '') rmSync(residentLog, { force: true })
if (files.length > 0) report.ended(await runTap(files, report))
for (const path of removeLeftovers()) console.log(`removed ${path}: its test had been killed`)
const resident = residentLog === '' ? { text: '', isGood: true } : readResidentLog(residentLog)
console.log(resident.text)
console.log(report.text(log))
process.exitCode = report.isGood() && resident.isGood ? 0 : 1

/** Runs tap on the files, feeds what it prints to the report, and returns its exit code. */
async function runTap(files: readonly string[], report: Report): Promise<number | null> {
  mkdirSync(join(root, 'dist'), { recursive: true })
  const parser = new Parser()
  parser.on('assert', (file) => console.log(report.file(file)))
  for (const event of ['pass', 'fail', 'skip', 'todo']) {
    parser.on(event, (point) => report.point(point))
  }
  const bin = join(root, 'node_modules/.bin')
  const tap = spawn(join(bin, 'tap'), [...options(), ...files], {
    cwd: root,
    env: {
      ...process.env,
      PATH: [bin, process.env['PATH']].join(delimiter),
      CNI_TEST_RESIDENT: residentLog,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  tap.stdout.pipe(createWriteStream(log))
  tap.stdout.pipe(parser)
  const [[code]] = await Promise.all([once(tap, 'close'), once(parser, 'complete')])
  return code
}

function options(): string[] {
  return [
    'run',
    '--reporter=tap',
    '--disable-coverage',
    '--allow-empty-coverage',
    `--jobs=${availableParallelism() + 1}`, // many of them wait for something else than a processor
    `--timeout=${process.env['CNI_FAULTS'] === 'full' ? 1800 : 120}`, // seconds for a file
    '--node-arg=--disable-warning=ExperimentalWarning', // node:ffi
  ]
}
