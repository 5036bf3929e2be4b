/** Carries steps out, in slices: nothing else of the agent waits for long. */
import { setImmediate } from 'node:timers/promises'
import type { Connection, Request } from '../../lib/netlink/connection.ts'
import type { NetlinkError } from '../../lib/netlink/error.ts'
import type { Step } from './plan.ts'
import { isDone, requestFor } from './request.ts'

/** So many steps go to the kernel before anything else gets its turn: some milliseconds' worth. */
const sliceSize = 256

/** How a step ended. */
export interface Outcome {
  readonly step: Step
  /** Absent when it is done. */
  readonly error?: NetlinkError
}

/**
 * Carries out the steps in their order, also those behind one that fails; those whose link is not
 * there are left out. Tells how the steps of each slice ended. Throws a `NetlinkError` when the
 * kernel does not answer.
 */
export async function* applySteps(
  connection: Connection,
  steps: readonly Step[],
  indexOf: (link: string) => number | undefined,
): AsyncGenerator<readonly Outcome[], void, undefined> {
  for (let start = 0; start < steps.length; start += sliceSize) {
    if (start > 0) await setImmediate()
    yield applySlice(connection, steps.slice(start, start + sliceSize), indexOf)
  }
}

/**
 * Tries a route again without the one that is there instead: IPv4 refuses a route that it has behind
 * that one already, and IPv6 a gateway to which that one leads by another link. Returns what is left
 * of the error.
 */
function insist(
  connection: Connection,
  step: Step,
  error: NetlinkError,
  indexOf: (link: string) => number | undefined,
): NetlinkError | undefined {
  const { entry, key, found } = step
  const isInTheWay = error.code === 'EEXIST' || error.code === 'EINVAL'
  if (!isInTheWay || entry.kind !== 'route' || found === undefined) return error
  const removal: Step = { do: 'remove', key, entry: found }
  for (const each of [removal, step]) {
    const request = requestFor(each, indexOf)
    if (request === undefined) return error
    const [refusal] = connection.attemptAll([request])
    if (refusal !== undefined && !isDone(each, refusal)) return refusal
  }
  return undefined
}

function applySlice(
  connection: Connection,
  slice: readonly Step[],
  indexOf: (link: string) => number | undefined,
): Outcome[] {
  const possible = slice.flatMap((step): { step: Step; request: Request }[] => {
    const request = requestFor(step, indexOf)
    return request === undefined ? [] : [{ step, request }]
  })
  const errors = connection.attemptAll(possible.map(({ request }) => request))
  return possible.map(({ step }, index) => {
    const error = errors[index] && insist(connection, step, errors[index], indexOf)
    return error === undefined || isDone(step, error) ? { step } : { step, error }
  })
}
