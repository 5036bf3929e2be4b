import type { Footprint } from '../../lib/cni/footprint.ts'

/** The loopback plugin sets up what the sandbox has, and leaves nothing on the node. */
export const footprint: Footprint = { plugin: 'loopback' }

/** The interface of its attachments: a runtime attaches every pod's. */
export const interfaceName = 'lo'
