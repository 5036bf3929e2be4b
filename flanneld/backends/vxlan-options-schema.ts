import { defineSchema } from '../../lib/cni/schema.ts'

/** The options of vxlan as they stand in JSON. */
export interface RawVxlanOptions {
  VNI?: number
  Port?: number
  MTU?: number
  GBP?: boolean
  Learning?: boolean
  DirectRouting?: boolean
}

export const confSchema = defineSchema<RawVxlanOptions>({
  type: 'object',
  properties: {
    VNI: { type: 'integer', minimum: 0, maximum: 16_777_215 },
    Port: { type: 'integer', minimum: 0, maximum: 65_535 },
    MTU: { type: 'integer', minimum: 0, maximum: 65_535 },
    GBP: { type: 'boolean' },
    Learning: { type: 'boolean' },
    DirectRouting: { type: 'boolean' },
  },
})
