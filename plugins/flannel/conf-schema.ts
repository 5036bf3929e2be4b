import { defineSchema } from '../../lib/cni/schema.ts'

/** The configuration of the flannel plugin. `delegate` and `ipam` are passed on key by key. */
export interface RawFlannelConf {
  subnetFile?: string
  dataDir?: string
  delegate?: Record<string, unknown>
  ipam?: Record<string, unknown>
  runtimeConfig?: Record<string, unknown>
}

export const confSchema = defineSchema<RawFlannelConf>({
  type: 'object',
  properties: {
    subnetFile: { type: 'string' },
    dataDir: { type: 'string' },
    delegate: { type: 'object' },
    ipam: { type: 'object' },
    runtimeConfig: { type: 'object' },
  },
})
