import { defineSchema } from '../../lib/cni/schema.ts'

const flag = { type: 'boolean' }
const text = { type: 'string' }
const texts = { type: 'array', items: text }
const integer = { type: 'integer' }

export interface RawVlanTrunk {
  id?: number
  minID?: number
  maxID?: number
}

/** The configuration of the bridge plugin as it stands in JSON. */
export interface RawBridgeConf {
  bridge?: string
  isGateway?: boolean
  isDefaultGateway?: boolean
  forceAddress?: boolean
  ipMasq?: boolean
  ipMasqBackend?: string
  mtu?: number
  hairpinMode?: boolean
  promiscMode?: boolean
  vlan?: number
  vlanTrunk?: RawVlanTrunk[]
  preserveDefaultVlan?: boolean
  macspoofchk?: boolean
  enabledad?: boolean
  disableContainerInterface?: boolean
  portIsolation?: boolean
  ipam?: { type?: string }
  dns?: { nameservers?: string[]; domain?: string; search?: string[]; options?: string[] }
  args?: { cni?: { mac?: string } }
  runtimeConfig?: { mac?: string }
}

export const confSchema = defineSchema<RawBridgeConf>({
  type: 'object',
  properties: {
    bridge: text,
    isGateway: flag,
    isDefaultGateway: flag,
    forceAddress: flag,
    ipMasq: flag,
    ipMasqBackend: text,
    mtu: integer,
    hairpinMode: flag,
    promiscMode: flag,
    vlan: integer,
    vlanTrunk: {
      type: 'array',
      items: { type: 'object', properties: { id: integer, minID: integer, maxID: integer } },
    },
    preserveDefaultVlan: flag,
    macspoofchk: flag,
    enabledad: flag,
    disableContainerInterface: flag,
    portIsolation: flag,
    ipam: { type: 'object', properties: { type: text } },
    dns: {
      type: 'object',
      properties: { nameservers: texts, domain: text, search: texts, options: texts },
    },
    args: {
      type: 'object',
      properties: { cni: { type: 'object', properties: { mac: text } } },
    },
    runtimeConfig: { type: 'object', properties: { mac: text } },
  },
})
