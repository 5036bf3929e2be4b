/** How much of the agent is measured: BENCH=quick in a minute, else three minutes: pure. */

export interface AgentSize {
  /** Starts without peers, of each kind. */
  readonly starts: number
  /** Starts with each number of peers. */
  readonly peerStarts: number
  /** Leases that are put and removed while the agent runs. */
  readonly leases: number
  /** Routes that are deleted by hand. */
  readonly drifts: number
  readonly idleSeconds: number
}

const quick: AgentSize = { starts: 3, peerStarts: 1, leases: 100, drifts: 8, idleSeconds: 10 }
const whole: AgentSize = { starts: 11, peerStarts: 5, leases: 200, drifts: 20, idleSeconds: 60 }

/** The size of this name; an agent has no figures that only a full benchmark has. */
export function agentSizeNamed(name: string): AgentSize {
  if (name === 'quick') return quick
  if (['', 'default', 'full'].includes(name)) return whole
  throw new Error(`BENCH is ${JSON.stringify(name)}, expected quick or default or full`)
}
