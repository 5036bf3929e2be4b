/** What the agent counts and measures of itself, for the operator's monitoring. */

/** Told by all parts of the agent. */
export interface Metrics {
  /** So many leases of other nodes are known. */
  leases(count: number): void
  /** The kernel has all that packets to so many other nodes need. */
  peersProgrammed(count: number): void
  /** So many things of a kind were missing or changed by somebody else, and were put right. */
  driftRepaired(kind: DriftKind, count: number): void
  /** From the arrival of a change to the kernel's acknowledgement of its last message. */
  eventReachedKernel(seconds: number): void
  /** The watch of leases was lost, and another one began. */
  watchReconnected(): void
  /** Something failed; the operation is one of few words, not a text with names in it. */
  failed(operation: string): void
}

/** What can drift. */
export const driftKinds = ['link', 'address', 'route', 'neighbour', 'fdb', 'rule'] as const
export type DriftKind = (typeof driftKinds)[number]

/** Counts nothing: for when nobody can read it. */
export const noMetrics: Metrics = {
  leases: () => undefined,
  peersProgrammed: () => undefined,
  driftRepaired: () => undefined,
  eventReachedKernel: () => undefined,
  watchReconnected: () => undefined,
  failed: () => undefined,
}
