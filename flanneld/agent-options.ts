/** What the agent works with. */
import type { Connection } from '../lib/netlink/connection.ts'
import type { Subscription } from '../lib/netlink/subscription.ts'
import type { AgentLog } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Notifier } from './notify.ts'
import type { Options } from './options.ts'
import type { SubnetManager } from './subnet/manager.ts'

export interface AgentOptions {
  readonly options: Options
  readonly manager: SubnetManager
  /** Both of the node's network namespace; the subscription was opened before anything is read. */
  readonly connection: Connection
  readonly subscription: Subscription
  readonly log: AgentLog
  readonly metrics: Metrics
  readonly notifier: Notifier
  /** PATH of the environment: where nft and iptables are searched, too. */
  readonly searchPath: string
  /** The file that this program began with, which is not used in the packaged executable. */
  readonly entry: string
}
