/** What a process costs that does nothing: no call can cost less. */
import type { Caller } from './caller.ts'
import type { Job, Measurement } from './jobs.ts'
import { type CallFigures, figures } from './one-by-one.ts'

export interface Floor {
  readonly name: string
  readonly figures: CallFigures
}

/** Measures /bin/true and Node with an empty program, in turn. */
export async function measureFloors(caller: Caller, rounds: number): Promise<Floor[]> {
  const entries = [
    { name: '/bin/true', job: floor('/bin/true', {}), measurements: [] as Measurement[] },
    {
      name: 'node, empty program on stdin',
      job: floor(process.execPath, {}),
      measurements: [] as Measurement[],
    },
  ]
  for (let round = 0; round < rounds; round++) {
    for (const { job, measurements } of entries) {
      const { jobs } = await caller.run('/proc/self/ns/net', {
        jobs: [job],
        workers: 1,
        servers: [],
      })
      measurements.push(...jobs)
    }
  }
  return entries.map(({ name, measurements }) => ({ name, figures: figures(measurements) }))
}

function floor(file: string, env: Record<string, string>): Job {
  return [{ file, env, before: '', after: '' }]
}
