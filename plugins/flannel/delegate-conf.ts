/** The configuration that flannel generates for its delegate: pure, and byte for byte Go's. */
import { encodeJson, sortKeys } from '../../lib/base/json.ts'
import { withPrefix } from '../../lib/cni/errors.ts'
import { decodeRoutes } from '../../lib/cni/result-decode.ts'
import { routeToJson } from '../../lib/cni/result-encode.ts'
import type { Route } from '../../lib/cni/result.ts'
import { readConf } from '../../lib/cni/schema.ts'
import type { SubnetEnv } from '../../lib/flannel/subnet-env.ts'
import { type Cidr, formatCidr, network } from '../../lib/ip/ip.ts'
import { checkDelegate, type FlannelConf } from './conf.ts'
import { confSchema as routesSchema } from './routes-schema.ts'

/** A configuration for a delegate: which plugin, and the text for its stdin. */
export interface DelegateConf {
  readonly type: string
  readonly stdin: string
}

/**
 * What the delegate is called with for an ADD. Throws a `CniError` with code 7 when the delegate or
 * the routes of the configuration are malformed.
 */
export function buildDelegateConf(conf: FlannelConf, env: SubnetEnv): DelegateConf {
  checkDelegate(conf)
  const defaults = { ipMasq: !env.ipMasq, mtu: env.mtu }
  const generated = env.networks.map((dst) => ({ dst }))
  const subnets = env.subnets.map(formatCidr)
  return assemble(conf, defaults, subnets, [...userRoutes(conf), ...generated])
}

/**
 * What the delegate of an attachment can be cleaned up with when no ADD would get as far as that:
 * subnet.env is gone, or the configuration is wrong. `addresses` are those of the attachment, as far
 * as they are known. Never throws.
 */
export function buildCleanupConf(conf: FlannelConf, addresses: readonly Cidr[]): DelegateConf {
  const subnets = new Set(addresses.map((address) => formatCidr(network(address))))
  // host-local releases what the attachment holds whatever the ranges are, but Go's refuses to have
  // none. This one is for documentation (RFC 5737).
  if (subnets.size === 0) subnets.add('192.0.2.0/24')
  return assemble(conf, {}, [...subnets], [])
}

/** The same configuration with more keys in it; those of `extra` win. */
export function extendConf({ type, stdin }: DelegateConf, extra: object): DelegateConf {
  return { type, stdin: encodeJson({ ...JSON.parse(stdin), ...extra }) }
}

function assemble(
  conf: FlannelConf,
  defaults: Readonly<Record<string, unknown>>,
  subnets: readonly string[],
  routes: readonly Route[],
): DelegateConf {
  const { delegate, ipam, cniVersion, runtimeConfig } = conf
  const type = typeOf(delegate)
  const generated = {
    ...defaults,
    ...(type === 'bridge' && { isGateway: true }),
    ...delegate,
    type,
    name: conf.name,
    ...(cniVersion !== '' && { cniVersion }),
    ...(runtimeConfig && { runtimeConfig }),
    ipam: {
      type: 'host-local',
      ...ipam,
      ranges: subnets.map((subnet) => [{ subnet }]),
      routes: null,
    },
  }
  // Go sorts the keys of maps; routes are structs there, and keep the order of their fields.
  const sorted = sortKeys(generated) as { ipam: { routes: unknown } } // the same keys
  sorted.ipam.routes = routes.map(routeToJson)
  return { type, stdin: encodeJson(sorted) }
}

/** The delegate's type; one that no ADD accepts counts as missing. */
function typeOf({ type }: FlannelConf['delegate']): string {
  return typeof type === 'string' && type !== 'flannel' ? type : 'bridge'
}

function userRoutes({ ipam }: FlannelConf): Route[] {
  const prefix =
    'failed to assemble Delegate IPAM: failed to read IPAM routes: failed to parse ipam.routes: '
  // Go's flannel knows this key in no other case; what is in it, it does.
  const { routes = [] } = readConf(routesSchema, { routes: ipam['routes'] ?? null }, prefix)
  return withPrefix(prefix, () => decodeRoutes(routes, 'ipam.routes'))
}
