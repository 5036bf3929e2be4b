import type { Entry } from './entry.ts'

/** Who is told what is done. */
export interface Observer {
  /** Something was not as it had been made: a link, or an entry of this kind. */
  repaired(kind: Entry['kind'] | 'link'): void
  /** What was wanted of leases is in the kernel, so many seconds after it was wanted. */
  applied(seconds: number): void
  failed(operation: string): void
  /** The link between the nodes, or an address of it, is not as it was. */
  underlayChanged(): void
}
