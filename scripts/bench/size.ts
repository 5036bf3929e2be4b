/** How much is measured: BENCH=quick in a minute, BENCH=full everything, else 7 minutes. */
import type { BurstSize } from './bursts.ts'
import { allScenarios, base, crowded, type Scenario } from './scenario.ts'

export interface Size {
  readonly floorRounds: number
  /** Those that are measured in turn, and how many pods of each contestant, one by one. */
  readonly oneByOne: readonly { readonly scenarios: readonly Scenario[]; readonly rounds: number }[]
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
    oneByOne: [{ scenarios: [base, crowded], rounds: 8 }],
    counted: [base],
    stageRounds: 8,
    burstSizes: [{ pods: 8, workers: 16, rounds: 3 }],
    endurance: 100,
  },
  default: {
    floorRounds: 40,
    oneByOne: [
      { scenarios: [base, crowded], rounds: 60 },
      { scenarios: [{ ...base, families: 'dual-stack' }], rounds: 20 },
      { scenarios: [hostPort], rounds: 20 },
      { scenarios: [{ ...hostPort, foreignRules: 10_000 }], rounds: 10 },
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
    oneByOne: allScenarios()
      .filter(({ pods }) => pods === base.pods)
      .map((scenario) => ({
        scenarios: [scenario, { ...scenario, pods: crowded.pods }],
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
