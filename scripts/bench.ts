/**
 * Measures our executables against Debian's Go ones, in network namespaces and folders of its own.
 * BENCH=quick or BENCH=full chooses how much, and BENCH_AGAINST names the dist/bin of another build of
 * ours, to be measured in turn with them. It prints tables, and writes dist/bench.json.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Burst, measureBursts } from './bench/bursts.ts'
import { Caller } from './bench/caller.ts'
import { contestants, executables, goDir } from './bench/contestants.ts'
import { type CallCounts, measureCounts } from './bench/counts.ts'
import { measureEndurance, type MemoryAfter } from './bench/endurance.ts'
import { measureFloors } from './bench/floors.ts'
import { makeBenchFolder } from './bench/folder.ts'
import { thisMachine } from './bench/machine.ts'
import { type CallStages, measureStages } from './bench/measure-stages.ts'
import { measureOneByOne, type OneByOne } from './bench/one-by-one.ts'
import { forgetFiles } from './bench/page-cache.ts'
import { makePods } from './bench/pods.ts'
import { measureRepeatedDels } from './bench/repeated-dels.ts'
import {
  formatBursts,
  formatCounts,
  formatEndurance,
  formatFloors,
  formatMachine,
  formatOneByOne,
  formatRepeatedDels,
  formatStages,
  type Report,
} from './bench/report.ts'
import { sizeNamed } from './bench/size.ts'
import { formatTargets, targets } from './bench/targets.ts'
import { binDir } from './lab/executables.ts'
import { kernelSkip } from './lab/node.ts'
import { missingProgram } from './lab/run.ts'

const output = join(import.meta.dirname, '../dist/bench.json')

/** How many pods go through the server at a time in the long run. */
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
    const report = await bench(process.env['BENCH'] ?? '', interrupted.signal)
    writeFileSync(output, `${JSON.stringify(report, undefined, 2)}\n`)
    console.log(`All figures are in ${output}`)
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    console.error('interrupted; what was made is removed')
    process.exitCode = 130
  }
}

/** Measures everything of a size, and prints it as it comes. */
async function bench(size: string, signal: AbortSignal): Promise<Report> {
  const { floorRounds, counted, stageRounds, burstSizes, endurance, ...rest } = sizeNamed(size)
  binDir() // throws unless the executables are fresh
  const machine = thisMachine()
  say(formatMachine(machine))
  const all = contestants(process.env['BENCH_AGAINST'] ?? '')
  const flannels = all.filter(({ plugin }) => plugin === 'flannel') // it does the most
  const residents = flannels.filter(({ resident }) => resident)
  if (!residents.some(({ build }) => build === 'this'))
    say('The resident mode is left out: this build has no `cni serve`.\n')

  await using scope = new AsyncDisposableStack()
  const dir = makeBenchFolder(scope)
  const caller = new Caller(dir, signal)
  const most = Math.max(enduranceWorkers, ...burstSizes.map(({ pods }) => pods))
  const pods = makePods(dir, most, scope)
  const [pod] = pods
  if (pod === undefined) throw new Error('there is no pod to measure with')

  forgetFiles(executables(all))
  const floors = await measureFloors(caller, floorRounds)
  say(formatFloors(floors))

  const oneByOne: OneByOne[] = []
  for (const { scenarios, rounds } of rest.oneByOne) {
    const figures = await measureOneByOne(caller, all, scenarios, pod, rounds)
    for (const scenario of scenarios) {
      say(formatOneByOne(figures.filter((each) => each.scenario === scenario)))
    }
    oneByOne.push(...figures)
  }

  const repeatedDels = await measureRepeatedDels(caller, all, pod, floorRounds)
  say(formatRepeatedDels(repeatedDels))

  const counts: CallCounts[] = []
  for (const scenario of counted) counts.push(...(await measureCounts(caller, all, scenario, pod)))
  say(formatCounts(counts))

  const stages: CallStages[] = []
  for (const contestant of flannels.filter(({ build }) => build === 'this')) {
    stages.push(...(await measureStages(caller, contestant, pod, stageRounds)))
  }
  for (const each of stages) say(formatStages(each))

  const bursts: Burst[] = []
  for await (const burst of measureBursts(caller, all, pods, burstSizes)) {
    say(formatBursts(burst))
    bursts.push(...burst)
  }

  const workers = pods.slice(0, enduranceWorkers)
  const memory: MemoryAfter[] = []
  for (const resident of residents) {
    memory.push(...(await measureEndurance(caller, resident, workers, endurance)))
  }
  if (memory.length > 0) say(formatEndurance(memory))

  const measured = { floors, oneByOne, repeatedDels, counts, stages, bursts }
  const report = { machine, size, ...measured, endurance: memory }
  say(formatTargets(targets(report)))
  return report
}

function say(text: string): void {
  console.log(`${text}\n`)
}
