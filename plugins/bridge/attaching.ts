import type { Context, Request } from '../../lib/cni/plugin.ts'
import type { Undo } from '../../lib/cni/undo.ts'
import type { Netns } from '../../lib/linux/netns.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { BridgeConf } from './conf.ts'

/** One ADD of the bridge plugin: what its steps need. */
export interface Attaching {
  readonly conf: BridgeConf
  readonly request: Request
  readonly context: Context
  readonly places: Places
  /** How the steps are taken back that others may use meanwhile, or that outlive the link. */
  readonly undo: Undo
}

/** Where an attachment lives: both namespaces, each by a connection. */
export interface Places {
  readonly host: Connection
  readonly netns: Netns
  readonly sandbox: Connection
}
