/** How much is measured: BENCH=quick in a minute, BENCH=full everything, else 7 minutes. */
import { base, crowded, type Scenario } from './scenario.ts'

export interface Size {
  /** How often DELs of nothing, and processes that do nothing, are measured. */
  readonly rounds: number
  /** Scenarios that are measured in turn, and how many pods of each contestant, one by one. */
  readonly groups: readonly { readonly scenarios: readonly Scenario[]; readonly rounds: number }[]
  /** Where processes and messages are counted. */
  readonly counted: readonly Scenario[]
  readonly stageRounds: number
  readonly bursts: readonly BurstSize[]
  /** Pods that go through a server. */
  readonly endurance: number
}

/** How many pods, by how many workers at a time, and how often. */
export interface BurstSize {
  readonly pods: number
  readonly workers: number
  readonly rounds: number
}

const hostPort: Scenario = { ...base, hostPorts: 1 }
const dualStack: Scenario = { ...base, families: 'dual-stack' }
const foreignRules = 10_000

const sizes: Readonly<Record<string, Size>> = {
  quick: {
    rounds: 10,
    groups: [{ scenarios: [base, crowded], rounds: 8 }],
    counted: [base],
    stageRounds: 8,
    bursts: [{ pods: 8, workers: 16, rounds: 3 }],
    endurance: 100,
  },
  default: {
    rounds: 40,
    groups: [
      { scenarios: [base, crowded], rounds: 60 },
      { scenarios: [dualStack], rounds: 20 },
      { scenarios: [hostPort], rounds: 20 },
      { scenarios: [{ ...hostPort, foreignRules }], rounds: 10 },
    ],
    counted: [base, hostPort],
    stageRounds: 20,
    bursts: [
      { pods: 8, workers: 16, rounds: 3 },
      { pods: 30, workers: 16, rounds: 3 },
      { pods: 110, workers: 1, rounds: 1 },
      { pods: 110, workers: 16, rounds: 3 },
      { pods: 110, workers: 64, rounds: 1 },
    ],
    endurance: 10_000,
  },
  full: {
    rounds: 200,
    groups: [base, dualStack, hostPort, { ...dualStack, hostPorts: 1 } as const].flatMap((each) => [
      { scenarios: [each, { ...each, pods: crowded.pods }], rounds: 100 },
      {
        scenarios: [each, { ...each, pods: crowded.pods }].map((it) => ({ ...it, foreignRules })),
        // Go's portmap takes a second for a pod when there are many rules.
        rounds: each.hostPorts > 0 ? 30 : 100,
      },
    ]),
    counted: [base, hostPort],
    stageRounds: 50,
    bursts: [8, 30, 110, 400].flatMap((pods) =>
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
