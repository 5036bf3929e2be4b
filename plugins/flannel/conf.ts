import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Request } from '../../lib/cni/plugin.ts'
import { readConf } from '../../lib/cni/schema.ts'
import { confSchema } from './conf-schema.ts'

/** The configuration of the flannel plugin, checked, with its defaults. */
export interface FlannelConf {
  readonly name: string
  /** As configured; empty when the configuration has none, and its delegate gets none. */
  readonly cniVersion: string
  readonly subnetFile: string
  readonly dataDir: string
  readonly delegate: Readonly<Record<string, unknown>>
  readonly ipam: Readonly<Record<string, unknown>>
  readonly runtimeConfig: Readonly<Record<string, unknown>> | undefined
}

/** Reads the configuration. Throws a `CniError` with code 7, its text after `prefix`. */
export function parseFlannelConf(request: Request, prefix: string): FlannelConf {
  const raw = readConf(confSchema, request.conf, prefix)
  return {
    name: request.conf.name,
    cniVersion: request.configuredVersion,
    subnetFile: raw.subnetFile ?? '/run/flannel/subnet.env',
    dataDir: raw.dataDir ?? '/var/lib/cni/flannel',
    delegate: raw.delegate ?? {},
    ipam: raw.ipam ?? {},
    runtimeConfig: raw.runtimeConfig,
  }
}

/**
 * Throws a `CniError` with code 7 when the delegate's configuration has keys that this plugin
 * sets: they would be lost silently.
 */
export function checkDelegate({ delegate }: FlannelConf): void {
  const rule = "'delegate' dictionary"
  if ('type' in delegate && typeof delegate['type'] !== 'string') {
    throw invalid(`${rule}, if present, must have (string) 'type' field`, 'set it to "bridge"')
  }
  for (const key of ['name', 'ipam']) {
    if (key in delegate) {
      throw invalid(
        `${rule} must not have '${key}' field, it'll be set by flannel`,
        `remove delegate.${key}; "${key}" belongs beside "delegate"`,
      )
    }
  }
  if (delegate['type'] === 'flannel') {
    throw invalid(`${rule} must not have type "flannel"`, 'flannel would call itself for ever')
  }
}

function invalid(message: string, details: string): CniError {
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}
