/**
 * Measures our executables against Debian's Go ones, in network namespaces and folders of its own.
 * BENCH=quick or BENCH=full chooses how much, and BENCH_AGAINST names the dist/bin of another build of
 * ours, to be measured in turn with them. It prints tables, and writes dist/bench.json.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { measureBursts } from './bench/bursts.ts'
import { Caller } from './bench/caller.ts'
import type { Pod } from './bench/calls.ts'
import { contestants, executables, goDir } from './bench/contestants.ts'
import { measureCounts } from './bench/counts.ts'
import { measureEndurance } from './bench/endurance.ts'
import { forgetFiles, makeBenchFolder } from './bench/files.ts'
import { addAndDel, delsOfNothing, floors, measureInTurn, measureOnSites } from './bench/in-turn.ts'
import { thisMachine } from './bench/machine.ts'
import { measureStages } from './bench/measure-stages.ts'
import { base } from './bench/scenario.ts'
import { type Size, sizeNamed } from './bench/size.ts'
import { formatTable, type Table } from './bench/table.ts'
import { formatTargets, targets } from './bench/targets.ts'
import { binDir } from './lab/executables.ts'
import { addNamespace, kernelSkip } from './lab/node.ts'
import { missingProgram } from './lab/run.ts'

const output = join(import.meta.dirname, '../dist/bench.json')

/** How many pods go through a server at a time in the long run. */
const enduranceWorkers = 8

const obstacle =
  kernelSkip() || missingProgram('cc', 'strace', 'iptables-restore', join(goDir, 'bridge'))
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupted.abort())

if (obstacle !== false) {
  console.error(`no benchmark: ${obstacle}`)
  process.exitCode = 1
} else {
  try {
    await report(process.env['BENCH'] ?? '', process.env['BENCH_AGAINST'] ?? '')
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    console.error('interrupted; what was made is removed')
    process.exitCode = 130
  }
}

/** Measures everything of a size, prints it as it comes, and writes it to the file. */
async function report(sizeName: string, other: string): Promise<void> {
  const size = sizeNamed(sizeName)
  binDir() // throws unless the executables are fresh
  const machine = { ...thisMachine(), ...(other === '' ? {} : { 'other build': other }) }
  for (const [name, fact] of Object.entries(machine)) console.log(`${name}: ${fact}`)
  console.log()
  const tables: Table[] = []
  for await (const table of measure(size, other)) {
    console.log(`${formatTable(table)}\n`)
    tables.push(table)
  }
  console.log(`${formatTargets(targets(tables, size.bursts))}\n`)
  writeFileSync(output, `${JSON.stringify({ machine, size: sizeName, tables }, undefined, 2)}\n`)
  console.log(`All figures are in ${output}`)
}

/** The tables of a size. */
async function* measure(size: Size, other: string): AsyncGenerator<Table> {
  const all = contestants(other)
  const flannels = all.filter(({ plugin }) => plugin === 'flannel') // it does the most
  const residents = flannels.filter(({ resident }) => resident)
  if (!residents.some(({ build }) => build === 'this')) {
    console.log('The resident mode is left out: this build has no `cni serve`.\n')
  }
  await using scope = new AsyncDisposableStack()
  const caller = new Caller(makeBenchFolder(scope), interrupted.signal)
  const most = Math.max(enduranceWorkers, ...size.bursts.map(({ pods }) => pods))
  const pods = Array.from({ length: most }, (_, index) => makePod(20_000 + index, scope))
  const setting = { caller, contestants: all, pods }
  forgetFiles(executables(all))

  yield* await measureInTurn(floors(caller), size.rounds)
  for (const { scenarios, rounds } of size.groups) {
    yield* await measureOnSites(setting, scenarios, addAndDel, rounds)
  }
  yield* await measureOnSites(setting, [base], delsOfNothing, size.rounds)
  for (const scenario of size.counted) yield* await measureCounts(setting, scenario)
  const staged = flannels.filter(({ build }) => build === 'this')
  yield* await measureStages({ ...setting, contestants: staged }, size.stageRounds)
  yield* measureBursts(setting, size.bursts)
  if (residents.length === 0) return
  const workers = pods.slice(0, enduranceWorkers)
  yield await measureEndurance({ caller, contestants: residents, pods: workers }, size.endurance)
}

function makePod(hostPort: number, scope: AsyncDisposableStack): Pod {
  const { name, netns } = addNamespace({ teardown: (remove) => scope.defer(remove) })
  return { containerId: name, netns, hostPort }
}
