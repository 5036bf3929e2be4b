/** Which plugins there are, each a folder with its `index.ts`: the entries, and delegation, go by it. */
import { hostLocal } from '../ipam/host-local/index.ts'
import type { Plugin } from '../lib/cni/plugin.ts'
import { bridge } from './bridge/index.ts'
import { flannel } from './flannel/index.ts'
import { loopback } from './loopback/index.ts'
import { portmap } from './portmap/index.ts'

/** The plugins of this set. */
export const plugins: readonly Plugin[] = [flannel, bridge, hostLocal, portmap, loopback]

/** The names that the executable can have. */
export const executableNames = [...plugins.map(({ name }) => name), 'cni']
