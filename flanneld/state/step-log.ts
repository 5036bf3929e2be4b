/** What the agent's log says of steps: of many, the first ones and how many more there were. */
import type { NetlinkError } from '../../lib/netlink/error.ts'
import type { AgentLog } from '../log.ts'
import { describeStep, type Step } from './plan.ts'

export interface Failure {
  readonly step: Step
  readonly error: NetlinkError
}

/** So many are logged one by one. */
const maxLogged = 10

/** Those whose keys are `known` to fail have been said, and are tried again and again. */
export function logFailures(
  log: AgentLog,
  failures: readonly Failure[],
  known: ReadonlySet<string>,
): void {
  const fresh = failures.filter(({ step }) => !known.has(step.key))
  const said = new Set(fresh.slice(0, maxLogged))
  for (const failure of failures) {
    const { step, error } = failure
    const say = said.has(failure) ? log.error : log.debug
    say(`${describeStep(step)}: ${error.message} (${error.details})`)
  }
  const rest = fresh.length - said.size
  if (rest > 0) log.error(`and ${rest} more failed, which -v=1 names`)
}

/** Steps for what somebody had changed. */
export function logRepairs(log: AgentLog, repairs: readonly Step[]): void {
  for (const step of repairs.slice(0, maxLogged)) log.info(describeStep(step))
  const rest = repairs.length - maxLogged
  if (rest > 0) log.info(`and ${rest} more that somebody had changed`)
}
