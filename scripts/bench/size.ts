/** How much is measured: BENCH=quick in less than 45 s, BENCH=full everything, else 6 minutes. */
import type { BurstSize } from './bursts.ts'
import { allScenarios, base, crowded, type Scenario } from './scenario.ts'

export interface Size {
  readonly floorRounds: number
  /** Each with how many pods of each contestant are measured one by one. */
  readonly scenarios: readonly { readonly scenario: Scenario; readonly rounds: number }[]
  /** Where processes and messages are counted. */
  readonly counted: readonly Scenario[]
  readonly stageRounds: number
  readonly burstSizes: readonly BurstSize[]
  /** Pods that go through a server. */
  readonly endurance: number
}

const hostPort: Scenario = { ...base, hostPorts: 1 }

/** Go's portmap takes a second for a pod when there are many rules. */
function isSlow({ hostPorts, foreignRules }: Scenario): boolean {
  return hostPorts > 0 && foreignRules > 0
}

const sizes: Readonly<Record<string, Size>> = {
  quick: {
    floorRounds: 10,
    scenarios: [
      { scenario: base, rounds: 10 },
      { scenario: crowded, rounds: 5 },
    ],
    counted: [base],
    stageRounds: 8,
    burstSizes: [{ pods: 8, workers: 16, rounds: 3 }],
    endurance: 100,
  },
  default: {
    floorRounds: 40,
    scenarios: [
      { scenario: base, rounds: 60 },
      { scenario: { ...base, families: 'dual-stack' }, rounds: 20 },
      { scenario: hostPort, rounds: 20 },
      { scenario: { ...hostPort, foreignRules: 10_000 }, rounds: 10 },
      { scenario: crowded, rounds: 30 },
    ],
    counted: [base, hostPort],
    stageRounds: 20,
    burstSizes: [
      { pods: 8, workers: 16, rounds: 3 },
      { pods: 30, workers: 16, rounds: 3 },
      { pods: 110, workers: 1, rounds: 1 },
      { pods: 110, workers: 16, rounds: 3 },
      { pods: 110, workers: 64, rounds: 1 },
    ],
    endurance: 10_000,
  },
  full: {
    floorRounds: 200,
    scenarios: allScenarios().map((scenario) => ({
      scenario,
      rounds: isSlow(scenario) ? 30 : 100,
    })),
    counted: [base, hostPort],
    stageRounds: 50,
    burstSizes: [8, 30, 110, 400].flatMap((pods) =>
      [1, 16, 64].map((workers) => ({ pods, workers, rounds: pods === 110 ? 3 : 1 })),
    ),
    endurance: 10_000,
  },
}

/** The size of this name; the default one for an empty name. Throws for any other. */
export function sizeNamed(name: string): Size {
  const size = sizes[name === '' ? 'default' : name]
  if (size !== undefined) return size
  throw new Error(`BENCH is ${JSON.stringify(name)}, expected ${Object.keys(sizes).join(' or ')}`)
}
