/** What the agent wants of the node itself, whatever peers there are. */
import type { Device } from './device.ts'
import type { Entry } from './entry.ts'

export interface NodeState {
  /** The agent's own devices: everything on them is its own. */
  readonly devices: readonly Device[]
  /** The name of the link between the nodes. */
  readonly underlay: string
  readonly entries: readonly Entry[]
  /** Whether an entry that nobody wants is the agent's to remove. */
  owns(entry: Entry): boolean
}
