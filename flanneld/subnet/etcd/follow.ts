/** Following the keys of a prefix: as they are, and then what happens to them, for ever. */
import { Backoff, untilAborted } from '../../wait.ts'
import { ProblemLog } from '../../problem-log.ts'
import type { EtcdContext, EtcdOperation } from './context.ts'
import { GrpcError, UNAVAILABLE } from './grpc.ts'
import type { Header, KeyValue, WatchResponse } from './messages.ts'

/** All keys; or what has happened to some since. */
export type Followed =
  | { readonly kind: 'all'; readonly kvs: readonly KeyValue[] }
  | { readonly kind: 'events'; readonly events: readonly WatchResponse['events'][number][] }

export interface Following {
  /** What all keys begin with. */
  readonly prefix: string
  readonly operation: EtcdOperation
  /** What is yielded after a lost connection: what has happened meanwhile, or all keys. */
  readonly resumeWith: Followed['kind']
  /** Is called before each try but the first. */
  onReconnect(): void
}

/** The pauses between tries, in ms. */
const firstPauseMs = 100
const maxPauseMs = 5_000

/**
 * Yields all keys, and then what happens to them. Where etcd cannot say what has happened it yields
 * all keys again: after a compaction, and when etcd has lost its data or got older ones back. Ends
 * when the signal is aborted, and never else.
 */
export async function* follow(
  context: EtcdContext,
  { prefix, operation, resumeWith, onReconnect }: Following,
  signal: AbortSignal,
): AsyncGenerator<Followed, void, undefined> {
  const { hooks, log } = context
  const problems = new ProblemLog((message) => log.warn(message))
  const course = new Course(context, prefix, () => {
    if (problems.clear()) log.info(`${prefix} is watched again`)
  })
  const backoff = new Backoff(firstPauseMs, maxPauseMs)
  while (!signal.aborted) {
    try {
      yield* course.run(signal)
    } catch (error) {
      if (signal.aborted) return
      hooks.onError(operation)
      problems.report(`watching ${prefix} in etcd, which is tried again`, error)
    }
    if (resumeWith === 'all') course.forget()
    await backoff.pause(signal)
    if (!signal.aborted) onReconnect()
  }
}

/** How far the keys have been followed, from one connection to the next. */
class Course {
  readonly #context: EtcdContext
  readonly #prefix: string
  readonly #onWatched: () => void
  /** The last change that was yielded, and where; undefined when all keys are wanted. */
  #last: Header | undefined

  constructor(context: EtcdContext, prefix: string, onWatched: () => void) {
    this.#context = context
    this.#prefix = prefix
    this.#onWatched = onWatched
  }

  /** Has all keys be yielded next. */
  forget(): void {
    this.#last = undefined
  }

  /** Goes on until the connection is lost, or all keys are wanted again. */
  async *run(signal: AbortSignal): AsyncGenerator<Followed, void, undefined> {
    const { client } = this.#context
    if (this.#last === undefined) {
      const { kvs, ...header } = await untilAborted(client.list(this.#prefix), signal)
      yield { kind: 'all', kvs }
      this.#last = header
    }
    const { revision } = this.#last
    for await (const response of client.watch(this.#prefix, revision + 1, signal)) {
      if (!this.#goesOn(this.#last, response)) return
      if (response.created) this.#onWatched()
      if (response.events.length === 0) continue
      yield { kind: 'events', events: response.events }
      this.#last = { ...this.#last, ...response.header, revision: lastRevision(response) }
    }
  }

  /** Whether the answer is of the history that was followed. Throws when etcd will not have it. */
  #goesOn(last: Header, { header, created, canceled, ...response }: WatchResponse): boolean {
    const { log } = this.#context
    if (response.compactRevision > 0) {
      log.info(`etcd has compacted what happened to ${this.#prefix}: all keys are read again`)
      this.#last = undefined
      return false
    }
    if (canceled) throw new GrpcError(UNAVAILABLE, response.cancelReason || 'the watch was ended')
    if (!created || header === undefined || isLater(header, last)) return true
    log.warn(
      `etcd is at revision ${header.revision}, and was at ${last.revision} before: its data ` +
        `were lost or replaced. All keys of ${this.#prefix} are read again`,
    )
    this.#last = undefined
    return false
  }
}

/** Whether a cluster may have come to the one point from the other. */
function isLater(now: Header, before: Header): boolean {
  return (
    now.clusterId === before.clusterId &&
    now.raftTerm >= before.raftTerm &&
    now.revision >= before.revision
  )
}

function lastRevision({ events }: WatchResponse): number {
  return Math.max(...events.map((event) => event?.kv?.modRevision ?? 0))
}
