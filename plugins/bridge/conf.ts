import { errorText } from '../../lib/base/errors.ts'
import { parseCniArgs } from '../../lib/cni/cni-args.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { checkIfName } from '../../lib/cni/names.ts'
import type { Request } from '../../lib/cni/plugin.ts'
import { decodeDns, sameShape } from '../../lib/cni/result-decode.ts'
import type { Dns } from '../../lib/cni/result.ts'
import { readConf } from '../../lib/cni/schema.ts'
import type { FirewallBackend } from '../../lib/firewall/firewall.ts'
import { macFromBytes, macToBytes } from '../../lib/ip/mac.ts'
import { confSchema, type RawBridgeConf } from './conf-schema.ts'
import { checkVlan, parseTrunk, type VlanConf } from './vlan-conf.ts'

const prefix = 'failed to load netconf: '

/** The most that a veth takes: linux/if_ether.h, ETH_MAX_MTU. */
const maxMtu = 65535

/** The configuration of the bridge plugin, checked, with its defaults. */
export interface BridgeConf extends VlanConf {
  /** The name of the bridge. */
  readonly bridge: string
  readonly isGateway: boolean
  readonly isDefaultGateway: boolean
  readonly forceAddress: boolean
  readonly ipMasq: boolean
  /** undefined for the one that the node uses. */
  readonly ipMasqBackend: FirewallBackend | undefined
  /** In bytes; undefined for the kernel's default. */
  readonly mtu: number | undefined
  readonly hairpinMode: boolean
  readonly promiscMode: boolean
  readonly macspoofchk: boolean
  readonly enableDad: boolean
  readonly disableContainerInterface: boolean
  readonly portIsolation: boolean
  /** The IPAM plugin; empty for a layer-2 network. */
  readonly ipamType: string
  readonly dns: Dns
  /** Of the container's interface, lower case with colons. */
  readonly mac: string | undefined
}

/** What a DEL needs of the configuration. */
export type DetachConf = Pick<BridgeConf, 'ipMasq' | 'macspoofchk' | 'ipamType'>

/** Reads and checks the configuration; throws a `CniError`, mostly with code 7. */
export function parseBridgeConf(request: Request): BridgeConf {
  const raw = readRaw(request)
  return {
    ...detachConf(raw),
    bridge: bridgeName(raw),
    isGateway: (raw.isGateway ?? false) || (raw.isDefaultGateway ?? false),
    isDefaultGateway: raw.isDefaultGateway ?? false,
    forceAddress: raw.forceAddress ?? false,
    ipMasqBackend: parseBackend(raw.ipMasqBackend),
    mtu: parseMtu(raw.mtu),
    hairpinMode: raw.hairpinMode ?? false,
    promiscMode: raw.promiscMode ?? false,
    vlan: checkVlan(raw.vlan ?? 0),
    vlanTrunk: raw.vlanTrunk && parseTrunk(raw.vlanTrunk),
    preserveDefaultVlan: raw.preserveDefaultVlan ?? false,
    enableDad: raw.enabledad ?? false,
    disableContainerInterface: raw.disableContainerInterface ?? false,
    portIsolation: raw.portIsolation ?? false,
    dns: decodeDns(raw.dns),
    mac: requestedMac(raw, request.args),
  }
}

/**
 * Reads what a DEL needs. It throws for what the Go plugin's DEL refuses; a value that only an ADD
 * has a use for must not keep the pod that it was refused to from going.
 */
export function parseDetachConf(request: Request): DetachConf {
  const raw = readRaw(request)
  checkVlan(raw.vlan ?? 0)
  parseTrunk(raw.vlanTrunk ?? [])
  macOfArgs(request.args)
  return detachConf(raw)
}

function readRaw({ conf }: Request): RawBridgeConf {
  return readConf(confSchema, conf, prefix)
}

function detachConf({ ipMasq = false, macspoofchk = false, ipam }: RawBridgeConf): DetachConf {
  return { ipMasq, macspoofchk, ipamType: ipam?.type ?? '' }
}

/** Throws a `CniError` with code 7 for settings that cannot go together. */
export function checkCombination(conf: BridgeConf, { conf: { cniVersion } }: Request): void {
  if (conf.ipamType !== '' && conf.disableContainerInterface) {
    throw invalid(
      'cannot use IPAM when DisableContainerInterface flag is set',
      'remove "ipam" or "disableContainerInterface": an interface that is down has no addresses',
    )
  }
  if (conf.hairpinMode && conf.promiscMode) {
    throw invalid(
      'cannot set hairpin mode and promiscuous mode at the same time',
      'remove "hairpinMode" or "promiscMode": together they duplicate every frame',
    )
  }
  if (conf.ipamType === '' && sameShape(cniVersion, '0.1.0')) {
    // No details: callers compare the whole text with Go's.
    throw invalid('cannot convert: no valid IP addresses')
  }
}

/** The name of the bridge; throws a `CniError` with code 7 when no interface can have it. */
export function bridgeName({ bridge = 'cni0' }: Pick<RawBridgeConf, 'bridge'>): string {
  try {
    checkIfName(bridge)
    return bridge
  } catch (error) {
    const found = JSON.stringify(bridge)
    throw invalid(`bridge ${found}: ${errorText(error)}`, 'expected the name of an interface')
  }
}

function parseMtu(mtu = 0): number | undefined {
  if (mtu >= 0 && mtu <= maxMtu) return mtu === 0 ? undefined : mtu
  throw invalid(
    `${prefix}mtu must be ${mtu < 0 ? '>= 0' : `<= ${maxMtu}`}`,
    `found ${mtu} in the network configuration; correct it there`,
  )
}

function parseBackend(name = ''): FirewallBackend | undefined {
  if (name === '') return undefined
  if (name === 'iptables' || name === 'nftables') return name
  throw invalid(
    `unknown ipmasq backend ${JSON.stringify(name)}`,
    'set "ipMasqBackend" to "iptables" or "nftables", or leave it out to have what the node uses',
  )
}

/** The MAC that somebody asked for: the runtime before the configuration before CNI_ARGS. */
function requestedMac(raw: RawBridgeConf, args: string): string | undefined {
  const given = [
    { path: 'runtimeConfig.mac', text: raw.runtimeConfig?.mac },
    { path: 'args.cni.mac', text: raw.args?.cni?.mac },
    { path: 'MAC in CNI_ARGS', text: macOfArgs(args) },
  ].find(({ text = '' }) => text !== '')
  return given?.text && normalizeMac(given.text, given.path)
}

function macOfArgs(args: string): string | undefined {
  return parseCniArgs<{ MAC: string }>(args, { MAC: (text) => text }).MAC
}

function normalizeMac(text: string, path: string): string {
  try {
    const bytes = macToBytes(text)
    if (isUnicast(bytes)) return macFromBytes(bytes)
  } catch {
    // the error below says what is wrong for both kinds of failure
  }
  throw invalid(
    `address ${text}: invalid MAC address`,
    `${path} must be the address of one machine, like 0a:58:0a:f4:01:02`,
  )
}

/** Whether an Ethernet interface can have it: not a group's, which has the lowest bit set. */
function isUnicast(bytes: Uint8Array): boolean {
  const [first = 0] = bytes
  return bytes.length === 6 && (first & 1) === 0 && bytes.some((byte) => byte !== 0)
}

function invalid(message: string, details?: string): CniError {
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}
