/** The backends by the names that configurations have for them. */
import { DetailedError } from '../../lib/base/errors.ts'
import type { BackendConf } from '../network-conf.ts'
import { allocBackend } from './alloc.ts'
import type { Backend } from './backend.ts'
import { hostGwBackend } from './host-gw.ts'
import { vxlanBackend } from './vxlan.ts'
import { parseVxlanOptions } from './vxlan-options.ts'

const backends: Readonly<Record<string, (options: BackendConf['options']) => Backend>> = {
  vxlan: (options) => vxlanBackend(parseVxlanOptions(options)),
  'host-gw': () => hostGwBackend,
  alloc: () => allocBackend,
}

/** The configured backend. Throws a `DetailedError` for one that there is not, or bad options. */
export function backendOf({ type, options }: BackendConf): Backend {
  const make = Object.hasOwn(backends, type) ? backends[type] : undefined
  if (make !== undefined) return make(options)
  throw new DetailedError(
    `there is no backend ${JSON.stringify(type)}`,
    `set Backend.Type of the network configuration to one of ${Object.keys(backends).join(', ')}`,
  )
}
