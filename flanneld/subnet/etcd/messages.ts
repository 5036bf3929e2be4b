/** The messages of etcd's API that the subnet manager uses: etcd's rpc.proto and kv.proto. */
import {
  bytes,
  flag,
  int64,
  integer,
  message,
  type MessageType,
  nested,
  repeated,
  text,
} from './protobuf.ts'

type Decoded<M> = M extends MessageType<infer T> ? T : never

/** Of an answer: of which cluster it is, and at which point of its history. */
const header = message({
  clusterId: [1, int64],
  revision: [3, integer],
  /** Grows with every election; it begins anew with a cluster's data. */
  raftTerm: [4, integer],
})
export type Header = Decoded<typeof header>

export const keyValue = message({
  key: [1, text],
  createRevision: [2, integer],
  modRevision: [3, integer],
  /** How often it was put since it was made; 0 when it is not there. */
  version: [4, integer],
  value: [5, text],
  /** The ID of the lease by which it ends; 0 for none. */
  lease: [6, int64],
})
export type KeyValue = Decoded<typeof keyValue>

export const rangeRequest = message({
  key: [1, text],
  /** The first key that is not meant; without it `key` alone is. */
  rangeEnd: [2, bytes],
  limit: [3, integer],
  revision: [4, integer],
})
export const rangeResponse = message({
  header: [1, nested(header)],
  kvs: [2, repeated(nested(keyValue))],
  more: [3, flag],
})

export const putRequest = message({ key: [1, text], value: [2, text], lease: [3, int64] })
export const putResponse = message({ header: [1, nested(header)] })

export const deleteRequest = message({ key: [1, text], rangeEnd: [2, bytes] })
export const deleteResponse = message({ header: [1, nested(header)], deleted: [2, integer] })

/** What a transaction asks before: that this was the last change of a key; 0 when it has none. */
const compare = message({
  /** Which of a key's numbers is meant. */
  target: [2, integer],
  key: [3, text],
  modRevision: [6, explicitZero(integer)],
})
export const compareModRevision = 2
const operation = message({ put: [2, nested(putRequest)] })

/** Puts when all comparisons hold, and nothing else. */
export const transactionRequest = message({
  compare: [1, repeated(nested(compare))],
  success: [2, repeated(nested(operation))],
})
export const transactionResponse = message({ header: [1, nested(header)], succeeded: [2, flag] })

export const leaseGrantRequest = message({ ttl: [1, integer] })
/** `ttl` in seconds, which etcd chose. */
export const leaseGrantResponse = message({ id: [2, int64], ttl: [3, integer], error: [4, text] })

export const leaseRequest = message({ id: [1, int64] })
/** The answer of a revocation is an empty one. */
export const emptyResponse = message({})
/** `ttl` in seconds; 0 or less when there is no such lease. */
export const leaseTtlResponse = message({ id: [2, int64], ttl: [3, integer] })

export const authenticateRequest = message({ name: [1, text], password: [2, text] })
export const authenticateResponse = message({ token: [2, text] })

const watchCreate = message({
  key: [1, text],
  rangeEnd: [2, bytes],
  startRevision: [3, integer],
  progressNotify: [4, flag],
})
export const watchRequest = message({ create: [1, nested(watchCreate)] })

const event = message({
  /** 0 for a put, 1 for a deletion, which has the key and the revision only. */
  type: [1, integer],
  kv: [2, nested(keyValue)],
})
export const watchResponse = message({
  header: [1, nested(header)],
  created: [3, flag],
  canceled: [4, flag],
  /** Where the history begins that etcd still has, when the watch wanted an earlier one. */
  compactRevision: [5, integer],
  cancelReason: [6, text],
  events: [11, repeated(nested(event))],
})
export type WatchResponse = Decoded<typeof watchResponse>

/** A member of a `oneof`: it counts as given when it is zero, too. */
function explicitZero(type: typeof integer): typeof integer {
  return { ...type, write: (value) => (value === 0 ? [0n] : type.write(value)) }
}

/** The first key behind all that begin with the prefix: its last byte, one higher. */
export function prefixEnd(prefix: string): Uint8Array {
  const end = Buffer.from(prefix)
  const last = end.findLastIndex((byte) => byte < 0xff)
  if (last === -1) return Uint8Array.of(0) // all keys, to the last one
  const shortened = Uint8Array.from(end.subarray(0, last + 1))
  shortened[last] = (end[last] ?? 0) + 1
  return shortened
}
