/** What all parts of the subnet manager work with. */
import { posix } from 'node:path'
import type { AgentLog } from '../../log.ts'
import type { EtcdClient } from './client.ts'

/** What can fail at etcd, as metrics name it. */
export type EtcdOperation = 'acquire' | 'config' | 'keep' | 'publish' | 'renew' | 'watch'

/** Told as it happens, for metrics. */
export interface EtcdHooks {
  /** The watch of the leases begins anew. */
  onReconnect(): void
  onError(operation: EtcdOperation): void
}

export interface EtcdContext {
  readonly client: EtcdClient
  readonly keys: EtcdKeys
  readonly log: AgentLog
  readonly hooks: EtcdHooks
}

export interface EtcdKeys {
  readonly config: string
  /** What the keys of all leases begin with; it ends with a slash. */
  readonly leases: string
}

/** The keys below a prefix such as `/coreos.com/network`; slashes too many do not count. */
export function etcdKeys(prefix: string): EtcdKeys {
  return { config: posix.join(prefix, 'config'), leases: posix.join(prefix, 'subnets/') }
}
