/**
 * Documents and environments that nobody would write, through the dispatch of the real plugins, on
 * a machine of their own: each is answered as the CNI specification has it. A failure names the
 * seed; CNI_FUZZ_SEED repeats its run, CNI_FUZZ_RUNS makes it longer.
 */
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { runOnOverlay } from '../support/overlay.ts'
import type { Report } from './fuzz/worker.ts'

const { CNI_FUZZ_RUNS: runs = '20000', CNI_FUZZ_SEED: seed = '1' } = process.env
const worker = join(import.meta.dirname, 'fuzz/worker.ts')

/** Where plugins keep state, and the lock of iptables. */
const ownPlaces = /^\/(?:state|var\/lib\/cni)\/|^\/run\/xtables\.lock$/

/** Which part of the calls at least got as far as to do their work. */
const realWork: [call: string, part: number][] = [
  ['host-local ADD', 0.04],
  ['host-local DEL', 0.08],
  ['loopback ADD', 0.02],
  ['loopback DEL', 0.03],
  ['bridge ADD', 0.0002],
  ['bridge DEL', 0.01],
  ['flannel DEL', 0.01],
  ['portmap DEL', 0.001],
]

t.test('every document and environment has an answer', { skip: kernelSkip() }, async (t) => {
  const node = makeNode(t)
  const program = ['env', '-u', 'NODE_OPTIONS', process.execPath, '--no-warnings', worker] // no tap
  const argv = [...program, runs, seed, node.pod().netns]
  const { code, stdout, stderr, written } = await runOnOverlay(node, argv, process.env)
  t.equal(code, 0, code === 0 ? 'it ends' : stderr.slice(-2000)) // warnings of delegates are many
  const report = JSON.parse(stdout) as Report // the worker's own words
  t.equal(report.failure, undefined, `seed ${seed}`)
  t.ok(report.slowestMs < 5000, `the slowest took ${report.slowestMs.toFixed(1)} ms`)
  t.ok(report.maxRss < 1024 ** 3, `${Math.round(report.maxRss / 1024 ** 2)} MB of memory`)
  t.strictSame(report.polluted, [], 'no prototype is changed')
  t.strictSame(
    written.filter((path) => !ownPlaces.test(path)),
    [],
    'no file is made, changed or removed elsewhere',
  )
  for (const [call, part] of realWork) {
    const count = report.answers[`${call} 0`] ?? 0
    t.ok(count > Number(runs) * part, `${call} succeeded ${count} times`)
  }
})
