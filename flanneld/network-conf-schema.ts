import { defineSchema } from '../lib/cni/schema.ts'

const text = { type: 'string' }
const whole = { type: 'integer', minimum: 0 }
const flag = { type: 'boolean' }

/** The network configuration as it stands in JSON. The options of a backend are read by it. */
export interface RawNetworkConf {
  Network?: string
  IPv6Network?: string
  EnableIPv4?: boolean
  EnableIPv6?: boolean
  EnableNFTables?: boolean
  SubnetLen?: number
  SubnetMin?: string
  SubnetMax?: string
  IPv6SubnetLen?: number
  IPv6SubnetMin?: string
  IPv6SubnetMax?: string
  Backend?: { Type?: string; [option: string]: unknown }
}

export const confSchema = defineSchema<RawNetworkConf>({
  type: 'object',
  properties: {
    Network: text,
    IPv6Network: text,
    EnableIPv4: flag,
    EnableIPv6: flag,
    EnableNFTables: flag,
    SubnetLen: whole,
    SubnetMin: text,
    SubnetMax: text,
    IPv6SubnetLen: whole,
    IPv6SubnetMin: text,
    IPv6SubnetMax: text,
    Backend: { type: 'object', properties: { Type: text } },
  },
})
