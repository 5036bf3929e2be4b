import { join } from 'node:path'
import { isObject } from '../../lib/base/json.ts'
import type { Log } from '../../lib/base/log.ts'
import { parseCniArgs } from '../../lib/cni/cni-args.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { checkNetworkName } from '../../lib/cni/names.ts'
import type { NetConf, Request } from '../../lib/cni/plugin.ts'
import { decodeRoutes } from '../../lib/cni/result-decode.ts'
import type { Route } from '../../lib/cni/result.ts'
import { canonicalize, readConf } from '../../lib/cni/schema.ts'
import { isAtLeast } from '../../lib/cni/versions.ts'
import { family, type Ip, parseCidr, parseIp } from '../../lib/ip/ip.ts'
import { confSchema, type RawConf, type RawRange } from './conf-schema.ts'
import { checkSetsDisjoint, parseRangeSets, type RawRangeSet } from './range-conf.ts'
import type { RangeSet } from './range.ts'

/** Where the folders of networks are unless a configuration says otherwise. */
export const defaultDataDir = '/var/lib/cni/networks'

/** More ranges than any network has, and few enough to compare each with all others. */
const maxRanges = 1000
/** The same for the addresses that one attachment asks for. */
const maxRequested = 1000

/** The configuration of host-local, checked and with all defaults. */
export interface HostLocalConf {
  /** The folder of the network's reservations. */
  readonly directory: string
  /** An attachment gets one address of each. Empty only for a STATUS that cannot know them. */
  readonly rangeSets: readonly RangeSet[]
  /** Addresses that the attachment asks for, in the order of asking. */
  readonly requested: readonly Ip[]
  readonly routes: readonly Route[]
  /** The path of a resolv.conf; empty when there is none. */
  readonly resolvConf: string
}

/**
 * Reads the configuration. Throws a `CniError`: with code 7 for what is wrong in it, with code 4
 * for what is wrong in CNI_ARGS.
 */
export function parseConf(request: Request, log: Log): HostLocalConf {
  const { conf, args } = request
  const raw = readConf(confSchema, conf, '')
  const { ipam } = raw
  if (ipam === undefined) {
    throw invalid(
      "IPAM config missing 'ipam' key",
      'host-local reads its ranges from "ipam" of the network configuration',
    )
  }
  const requested = parseRequested(raw, args)
  const rawSets = listRangeSets(raw, log)
  if (rawSets.length === 0 && !rangesComeWithAdd(request)) {
    throw invalid(
      'no IP ranges specified',
      'give a "subnet" or "ranges" in "ipam", or ipRanges in runtimeConfig',
    )
  }
  checkCount('IP ranges', rawSets.flatMap(({ ranges }) => ranges).length, maxRanges)
  const rangeSets = parseRangeSets(rawSets)
  checkVersion(conf, rangeSets)
  checkSetsDisjoint(rangeSets, rawSets)
  return {
    directory: directoryOf(conf, ipam.dataDir),
    rangeSets,
    requested,
    routes: decodeRoutes(ipam.routes ?? [], 'ipam.routes'),
    resolvConf: ipam.resolvConf ?? '',
  }
}

/**
 * The folder of the network's reservations. Needs nothing else of the configuration to be right,
 * so that addresses can be released whatever has become of it.
 */
export function networkDirectory(conf: NetConf): string {
  const canonical = canonicalize(confSchema.schema, conf)
  const ipam = isObject(canonical) && isObject(canonical['ipam']) ? canonical['ipam'] : {}
  const { dataDir } = ipam
  if (dataDir !== undefined && typeof dataDir !== 'string') {
    throw invalid('ipam.dataDir must be string', `found ${JSON.stringify(dataDir)}`)
  }
  return directoryOf(conf, dataDir)
}

function directoryOf({ name }: NetConf, dataDir = ''): string {
  checkNetworkName(name) // it becomes a file name here, whoever checked it before
  return join(dataDir === '' ? defaultDataDir : dataDir, name)
}

/** All three ways of asking for addresses count together. */
function parseRequested({ args, runtimeConfig }: RawConf, cniArgs: string): Ip[] {
  const { IP } = parseCniArgs<{ IP: Ip }>(cniArgs, { IP: parseRequestedIp })
  const listed = [...(args?.cni?.ips ?? []), ...(runtimeConfig?.ips ?? [])]
  checkCount('requested IPs', listed.length, maxRequested)
  return [...(IP === undefined ? [] : [IP]), ...listed.map(parseListedIp)]
}

function parseListedIp(text: string | null): Ip {
  if (text !== null && text !== '') return parseRequestedIp(text)
  throw invalid(
    'cannot understand ip: IP <nil> not v4 nor v6',
    'an address in args.cni.ips or runtimeConfig.ips is empty',
  )
}

/** `ip` or `ip/prefix`; the prefix that counts is that of the range. */
function parseRequestedIp(text: string): Ip {
  const ip = text.includes('/') ? parseCidr(text)?.ip : parseIp(text)
  if (ip !== undefined) return ip
  throw invalid(
    `invalid IP address ${text}`,
    'addresses are requested by IP in CNI_ARGS, args.cni.ips and runtimeConfig.ips',
  )
}

/** The range sets in the order of their indexes, which the store's file names carry. */
function listRangeSets({ ipam = {}, runtimeConfig }: RawConf, log: Log): RawRangeSet[] {
  const single: RawRangeSet = { path: 'ipam', ranges: [{ path: 'ipam', range: ipam }] }
  const ignored = (['rangeStart', 'rangeEnd', 'gateway'] as const).filter((key) => key in ipam)
  if (ipam.subnet === undefined && ignored.length > 0) {
    log.warn(`ipam.${ignored.join(', ipam.')} is ignored without ipam.subnet`)
  }
  return [
    ...locate('runtimeConfig.ipRanges', runtimeConfig?.ipRanges),
    ...(ipam.subnet === undefined ? [] : [single]),
    ...locate('ipam.ranges', ipam.ranges),
  ]
}

function locate(path: string, sets: RawRange[][] = []): RawRangeSet[] {
  return sets.map((ranges, i) => ({
    path: `${path}.${i}`,
    ranges: ranges.map((range, j) => ({ path: `${path}.${i}.${j}`, range })),
  }))
}

/** STATUS is asked without the ranges that the runtime gives an ADD by its ipRanges capability. */
function rangesComeWithAdd({ command, conf: { capabilities } }: Request): boolean {
  return command === 'STATUS' && isObject(capabilities) && capabilities['ipRanges'] === true
}

/** Results before 0.3.0 hold one address of each family. */
function checkVersion({ cniVersion }: NetConf, rangeSets: readonly RangeSet[]): void {
  const v4 = rangeSets.filter(([{ start }]) => family(start) === 4).length
  if (isAtLeast(cniVersion, '0.3.0') || (v4 <= 1 && rangeSets.length - v4 <= 1)) return
  // No details: callers compare the whole text with Go's.
  throw invalid(`CNI version ${cniVersion} does not support more than 1 address per family`)
}

function checkCount(what: string, found: number, most: number): void {
  if (found > most) throw invalid(`too many ${what}: ${found}`, `there can be ${most} at most`)
}

function invalid(message: string, details?: string): CniError {
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}
