/** Keeping this node's lease: renewed in time, and taken again when it is lost. */
import { describeSubnets } from '../choose.ts'
import { ProblemLog } from '../../problem-log.ts'
import { Backoff, pause, untilAborted } from '../../wait.ts'
import type { EtcdContext } from './context.ts'
import { type Followed, follow, type Following } from './follow.ts'
import { LeaseTaken, type OwnLease, type Settled } from './own-lease.ts'

/** Between tries to renew it, in ms. */
const renewRetryMs = 60_000

/** Between renewals, in ms, however long before its end it is to be renewed. */
const minRenewMs = 1_000

/**
 * Keeps the lease; it is renewed `marginMs` before its end. Resolves when the signal is aborted;
 * rejects with `LeaseTaken` when another node has the subnet.
 */
export async function keepLease(
  context: EtcdContext,
  own: OwnLease,
  marginMs: number,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const tasks = [renewInTime(context, own, marginMs, either), guard(context, own, either)]
  try {
    await Promise.all(tasks)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    failed.abort()
    await Promise.allSettled(tasks)
  }
}

async function renewInTime(
  context: EtcdContext,
  own: OwnLease,
  marginMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { hooks, log } = context
  const problems = new ProblemLog((message) => log.error(message))
  while (!signal.aborted) {
    const leftMs = own.endsMs - marginMs - performance.now()
    if (leftMs > 0) {
      // In short pieces: the end moves when the lease is put or taken again.
      await pause(Math.min(leftMs, renewRetryMs), signal)
      continue
    }
    try {
      report(context, own, await untilAborted(own.renew(), signal))
      log.debug(`the lease of ${describeSubnets(own.subnets)} is renewed`)
      problems.clear()
      await pause(minRenewMs, signal)
    } catch (error) {
      if (signal.aborted || error instanceof LeaseTaken) throw error
      hooks.onError('renew')
      problems.report(`renewing ${own.key}, which is tried again each minute`, error)
      await pause(renewRetryMs, signal)
    }
  }
}

/** Looks whether the key stays; at each connection anew, for etcd may have come back without it. */
async function guard(context: EtcdContext, own: OwnLease, signal: AbortSignal): Promise<void> {
  const following: Following = {
    prefix: own.key,
    operation: 'keep',
    resumeWith: 'all',
    onReconnect: () => undefined,
  }
  const backoff = new Backoff(100, 5_000)
  for await (const followed of follow(context, following, signal)) {
    if (isKept(own, followed)) continue
    // Two that are told to be the same node would put it in turns, as fast as they can.
    if ((await restore(context, own, signal)) !== 'nothing') await backoff.pause(signal)
  }
}

/** Whether what was seen last of the key is what this node has put. */
function isKept(own: OwnLease, followed: Followed): boolean {
  if (followed.kind === 'all') {
    const kv = followed.kvs.find(({ key }) => key === own.key)
    return kv !== undefined && own.isAsPut(kv)
  }
  const last = followed.events.findLast((event) => event?.kv?.key === own.key)
  if (last?.kv === undefined) return true // it is of another key that begins like this one
  return last.type === 0 && own.isAsPut(last.kv)
}

async function restore(context: EtcdContext, own: OwnLease, signal: AbortSignal): Promise<Settled> {
  const { hooks, log } = context
  const problems = new ProblemLog((message) => log.error(message))
  const backoff = new Backoff(100, 5_000)
  for (;;) {
    try {
      const settled = await untilAborted(own.settle(), signal)
      report(context, own, settled)
      return settled
    } catch (error) {
      if (signal.aborted || error instanceof LeaseTaken) throw error
      hooks.onError('keep')
      problems.report(`restoring ${own.key}, which is tried again`, error)
      await backoff.pause(signal)
    }
  }
}

function report({ log }: EtcdContext, own: OwnLease, settled: Settled): void {
  const subnets = describeSubnets(own.subnets)
  if (settled === 'created') {
    log.warn(`the lease of ${subnets} was lost: ${own.key} was deleted, or went with etcd’s data`)
    log.warn(`the lease of ${subnets} is taken again, because pods use the subnet`)
  }
  if (settled === 'put') log.warn(`${own.key} was changed by somebody: it is put again`)
}
