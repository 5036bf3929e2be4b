import { fullText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Request } from '../../lib/cni/plugin.ts'
import { readConf } from '../../lib/cni/schema.ts'
import { confSchema, type RawFlannelConf } from './conf-schema.ts'

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

/** What of a request its configuration is read from. */
type Configured = Pick<Request, 'command' | 'conf' | 'configuredVersion'>

/** Reads the configuration. Throws a `CniError` with code 7. */
export function parseFlannelConf(request: Configured): FlannelConf {
  const prefix = 'failed to load netconf: '
  const inAdd = `failed to load flannel netconf file: ${prefix}`
  const raw = readConf(confSchema, request.conf, request.command === 'ADD' ? inAdd : prefix)
  return withDefaults(raw, request)
}

/** The same for DEL: a key that is wrong is logged, and counts as missing. */
export function parseForCleanup(request: Configured, log: Log): FlannelConf {
  try {
    return parseFlannelConf(request)
  } catch (error) {
    log.warn(`going on without what is wrong in the configuration: ${fullText(error)}`)
    const right = Object.entries(request.conf).filter(([key, value]) => isRight({ [key]: value }))
    return withDefaults(readConf(confSchema, Object.fromEntries(right), ''), request)
  }
}

function isRight(keys: object): boolean {
  try {
    readConf(confSchema, keys, '')
    return true
  } catch {
    return false // what is wrong has been logged
  }
}

function withDefaults(raw: RawFlannelConf, { conf, configuredVersion }: Configured): FlannelConf {
  return {
    name: conf.name,
    cniVersion: configuredVersion,
    // An empty path leads nowhere.
    subnetFile: raw.subnetFile || '/run/flannel/subnet.env',
    dataDir: raw.dataDir || '/var/lib/cni/flannel',
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
  const subject = "'delegate' dictionary"
  if ('type' in delegate && typeof delegate['type'] !== 'string') {
    throw invalid(
      `${subject}, if present, must have (string) 'type' field`,
      `found ${JSON.stringify(delegate['type'])}; "bridge" is what it is without the key`,
    )
  }
  for (const key of ['name', 'ipam']) {
    if (key in delegate) {
      throw invalid(
        `${subject} must not have '${key}' field, it'll be set by flannel`,
        `remove delegate.${key}; "${key}" belongs beside "delegate"`,
      )
    }
  }
  if (delegate['type'] === 'flannel') {
    throw invalid(
      `${subject} must not have type "flannel"`,
      'delegate.type names the plugin that makes the interface, such as "bridge"',
    )
  }
}

function invalid(message: string, details: string): CniError {
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}
