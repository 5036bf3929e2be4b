/** Results as they stand in JSON: the keys of all versions together, as types and as a schema. */
import type { SchemaObject } from 'ajv'

const text = { type: 'string' }
const texts = { type: 'array', items: text }
const integer = { type: 'integer' }

/** The schema of a list of routes. */
export const routesSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      dst: text,
      gw: text,
      mtu: integer,
      advmss: integer,
      priority: integer,
      table: integer,
      scope: integer,
    },
  },
}

export interface RawRoute {
  dst?: string
  gw?: string
  mtu?: number
  advmss?: number
  priority?: number
  table?: number
  scope?: number
}

const singleFamily = {
  type: 'object',
  required: ['ip'],
  properties: { ip: text, gateway: text, routes: routesSchema },
}

interface RawSingleFamily {
  ip: string
  gateway?: string
  routes?: RawRoute[]
}

const interfaces = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      name: text,
      mac: text,
      mtu: integer,
      sandbox: text,
      socketPath: text,
      pciID: text,
    },
  },
}

const ips = {
  type: 'array',
  items: {
    type: 'object',
    required: ['address'],
    properties: { address: text, gateway: text, interface: integer },
  },
}

const dns = {
  type: 'object',
  properties: { nameservers: texts, domain: text, search: texts, options: texts },
}

/** A result of any version. */
export interface RawResult {
  cniVersion?: string
  interfaces?: {
    name?: string
    mac?: string
    mtu?: number
    sandbox?: string
    socketPath?: string
    pciID?: string
  }[]
  ips?: { address: string; gateway?: string; interface?: number }[]
  ip4?: RawSingleFamily
  ip6?: RawSingleFamily
  routes?: RawRoute[]
  dns?: { nameservers?: string[]; domain?: string; search?: string[]; options?: string[] }
}

/** The schema of a result. */
export const resultSchema: SchemaObject = {
  type: 'object',
  properties: {
    cniVersion: text,
    interfaces,
    ips,
    ip4: singleFamily,
    ip6: singleFamily,
    routes: routesSchema,
    dns,
  },
}
