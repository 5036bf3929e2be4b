/** The options of the backend vxlan. */
import { DetailedError } from '../../lib/base/errors.ts'
import { readValue } from '../../lib/cni/schema.ts'
import { confSchema } from './vxlan-options-schema.ts'

export interface VxlanOptions {
  readonly vni: number
  /** 0 for the kernel's own, 8472. */
  readonly port: number
  /** Of the link between the nodes, in bytes; absent for what it has. */
  readonly mtu: number | undefined
  readonly gbp: boolean
  readonly learning: boolean
  /** Nodes on one network send each other packets without a tunnel. */
  readonly directRouting: boolean
}

/** Parses the options, keys in any case. Throws a `DetailedError` that names the key. */
export function parseVxlanOptions(options: Readonly<Record<string, unknown>>): VxlanOptions {
  const raw = readValue(confSchema, options, ({ path, expected, found }) => {
    const what = path === '' ? 'Backend' : `Backend.${path}`
    return new DetailedError(`the network configuration: ${what} ${expected}`, `found ${found}`)
  })
  return {
    vni: raw.VNI ?? 1,
    port: raw.Port ?? 0,
    mtu: raw.MTU || undefined,
    gbp: raw.GBP ?? false,
    learning: raw.Learning ?? false,
    directRouting: raw.DirectRouting ?? false,
  }
}
