import { defineSchema } from '../../lib/cni/schema.ts'

const flag = { type: 'boolean' }
const text = { type: 'string' }
const words = { type: 'array', items: text }
const integer = { type: 'integer' }

export interface RawPortMapping {
  hostPort?: number
  containerPort?: number
  protocol?: string
  hostIP?: string
}

export interface RawPortmapConf {
  backend?: string
  snat?: boolean
  masqAll?: boolean
  markMasqBit?: number
  externalSetMarkChain?: string
  conditionsV4?: string[]
  conditionsV6?: string[]
  dataDir?: string
  runtimeConfig?: { portMappings?: RawPortMapping[] }
}

const portMapping = {
  type: 'object',
  properties: { hostPort: integer, containerPort: integer, protocol: text, hostIP: text },
}

/** What the portmap plugin reads of its configuration. */
export const confSchema = defineSchema<RawPortmapConf>({
  type: 'object',
  properties: {
    backend: text,
    snat: flag,
    masqAll: flag,
    markMasqBit: integer,
    externalSetMarkChain: text,
    conditionsV4: words,
    conditionsV6: words,
    dataDir: text,
    runtimeConfig: {
      type: 'object',
      properties: { portMappings: { type: 'array', items: portMapping } },
    },
  },
})
