import { type RawRoute, routesSchema } from '../../lib/cni/raw-result.ts'
import { defineSchema } from '../../lib/cni/schema.ts'

const text = { type: 'string' }
const range = { subnet: text, rangeStart: text, rangeEnd: text, gateway: text }
const rangeSets = {
  type: 'array',
  items: { type: 'array', items: { type: 'object', properties: range } },
}
const requestedIps = { type: 'array', items: { type: ['string', 'null'] } }

export interface RawRange {
  subnet?: string
  rangeStart?: string
  rangeEnd?: string
  gateway?: string
}

/** What host-local reads of a network configuration, as it stands in JSON. */
export interface RawConf {
  ipam?: RawRange & {
    ranges?: RawRange[][]
    routes?: RawRoute[]
    dataDir?: string
    resolvConf?: string
  }
  runtimeConfig?: { ipRanges?: RawRange[][]; ips?: (string | null)[] }
  args?: { cni?: { ips?: (string | null)[] } }
}

export const confSchema = defineSchema<RawConf>({
  type: 'object',
  properties: {
    ipam: {
      type: 'object',
      properties: {
        ...range,
        ranges: rangeSets,
        routes: routesSchema,
        dataDir: text,
        resolvConf: text,
      },
    },
    runtimeConfig: {
      type: 'object',
      properties: { ipRanges: rangeSets, ips: requestedIps },
    },
    args: {
      type: 'object',
      properties: { cni: { type: 'object', properties: { ips: requestedIps } } },
    },
  },
})
