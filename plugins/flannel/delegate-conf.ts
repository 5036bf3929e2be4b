/** The configuration that flannel generates for its delegate: pure, and byte for byte Go's. */
import { withPrefix } from '../../lib/cni/errors.ts'
import { encodeJson, sortKeys } from '../../lib/cni/json.ts'
import { decodeRoutes } from '../../lib/cni/result-decode.ts'
import { routeToJson } from '../../lib/cni/result-encode.ts'
import type { Route } from '../../lib/cni/result.ts'
import { readConf } from '../../lib/cni/schema.ts'
import { formatCidr, type Cidr } from '../../lib/net/ip.ts'
import type { FlannelConf } from './conf.ts'
import { confSchema as routesSchema } from './routes-schema.ts'
import type { SubnetEnv } from './subnet-env.ts'

/** A configuration for a delegate: which plugin, and the text for its stdin. */
export interface DelegateConf {
  readonly type: string
  readonly stdin: string
}

/**
 * What the delegate is called with for an ADD. Throws a `CniError` with code 7 when the routes of
 * the configuration are malformed.
 */
export function buildDelegateConf(conf: FlannelConf, env: SubnetEnv): DelegateConf {
  return assemble(conf, { ipMasq: !env.ipMasq, mtu: env.mtu }, env.subnets, [
    ...userRoutes(conf),
    ...env.networks.map((dst) => ({ dst })),
  ])
}

/**
 * What the delegate of an attachment can be cleaned up with when subnet.env is gone: the same
 * without what only subnet.env knows. `subnets` are those that the attachment's addresses are in.
 */
export function buildCleanupConf(conf: FlannelConf, subnets: readonly Cidr[]): DelegateConf {
  return assemble(conf, {}, subnets, userRoutes(conf))
}

/** The same configuration with more keys in it; those of `extra` win. */
export function extendConf({ type, stdin }: DelegateConf, extra: object): DelegateConf {
  return { type, stdin: encodeJson({ ...JSON.parse(stdin), ...extra }) }
}

function assemble(
  conf: FlannelConf,
  defaults: Readonly<Record<string, unknown>>,
  subnets: readonly Cidr[],
  routes: readonly Route[],
): DelegateConf {
  const type = String(conf.delegate['type'] ?? 'bridge')
  const generated = {
    ...defaults,
    ...(type === 'bridge' ? { isGateway: true } : {}),
    ...conf.delegate,
    type,
    name: conf.name,
    ...(conf.cniVersion === '' ? {} : { cniVersion: conf.cniVersion }),
    ...(conf.runtimeConfig === undefined ? {} : { runtimeConfig: conf.runtimeConfig }),
    ipam: {
      type: 'host-local',
      ...conf.ipam,
      ranges: subnets.map((subnet) => [{ subnet: formatCidr(subnet) }]),
      routes: null,
    },
  }
  // Go sorts the keys of maps; routes are structs there, and keep the order of their fields.
  const sorted = sortKeys(generated) as { ipam: { routes: unknown } }
  sorted.ipam.routes = routes.map(routeToJson)
  return { type, stdin: encodeJson(sorted) }
}

function userRoutes({ ipam }: FlannelConf): Route[] {
  const prefix =
    'failed to assemble Delegate IPAM: failed to read IPAM routes: failed to parse ipam.routes: '
  const { routes = [] } = readConf(routesSchema, ipam, prefix)
  return withPrefix(prefix, () => decodeRoutes(routes, 'ipam.routes'))
}
