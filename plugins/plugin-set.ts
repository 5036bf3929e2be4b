/** Which plugins there are, each a folder with its `index.ts`: the entries, and delegation, go by it. */
import { hostLocal } from '../ipam/host-local/index.ts'
import type { Plugin } from '../lib/cni/plugin.ts'
import { type LinkRemoval, waitingRemoval } from '../lib/net/link-removal.ts'
import { createBridge } from './bridge/index.ts'
import { flannel } from './flannel/index.ts'
import { loopback } from './loopback/index.ts'
import { portmap } from './portmap/index.ts'

/** The plugins of this set, which have the links of pods deleted by `linkRemoval`. */
export function createPlugins(linkRemoval: LinkRemoval): Plugin[] {
  return [flannel, createBridge(linkRemoval), hostLocal, portmap, loopback]
}

/** The same for a process that ends with its call. */
export const plugins: readonly Plugin[] = createPlugins(waitingRemoval)

/** The names that the executable can have. */
export const executableNames = [...plugins.map(({ name }) => name), 'cni']
