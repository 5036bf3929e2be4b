import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Request } from '../../lib/cni/plugin.ts'
import { readConf } from '../../lib/cni/schema.ts'
import { type FirewallBackend, firewallBackends } from '../../lib/firewall/firewall.ts'
import { confSchema, type RawPortmapConf } from './conf-schema.ts'
import { parseMapping, type PortMapping } from './mapping.ts'

/** Kubernetes uses bits 14 and 15, Calico 20 to 31. */
const defaultMarkBit = 13

/** How packets are forwarded, whoever they are for. */
export interface ForwardOptions {
  readonly snat: boolean
  readonly masqAll: boolean
  /** The bit of the packet mark, 0 to 31, that stands for what is to be masqueraded. */
  readonly markMasqBit: number
  /** A chain that sets a mark, which somebody else masquerades by; iptables only. */
  readonly externalSetMarkChain: string | undefined
  /** By family: words of the backend's language that a packet has to fit. */
  readonly conditions: Readonly<Record<4 | 6, readonly string[]>>
}

/** The configuration of the portmap plugin, checked, with its defaults. */
export interface PortmapConf extends ForwardOptions {
  /** Undefined: whatever the host uses. */
  readonly backend: FirewallBackend | undefined
  readonly mappings: readonly PortMapping[]
  readonly dataDir: string
}

/** Reads the configuration; throws a `CniError` with code 7 that says where it is wrong. */
export function parsePortmapConf({ conf }: Request): PortmapConf {
  const raw = readConf(confSchema, conf, 'failed to parse network configuration: ')
  const { portMappings = [] } = raw.runtimeConfig ?? {}
  return {
    snat: raw.snat ?? true,
    masqAll: raw.masqAll ?? false,
    markMasqBit: markBit(raw),
    externalSetMarkChain: externalChain(raw),
    conditions: { 4: words(raw, 'conditionsV4'), 6: words(raw, 'conditionsV6') },
    backend: chooseBackend(raw),
    mappings: portMappings.map((mapping, index) =>
      parseMapping(mapping, `runtimeConfig.portMappings.${index}`),
    ),
    dataDir: dataDirectory(raw),
  }
}

/** What is left of a configuration that cannot be read, for commands that remove things. */
export function cleanupConf({ conf: { dataDir } }: Pick<Request, 'conf'>): PortmapConf {
  const isPath = typeof dataDir === 'string' && dataDir.startsWith('/')
  return {
    ...{ snat: true, masqAll: false, markMasqBit: defaultMarkBit, externalSetMarkChain: undefined },
    conditions: { 4: [], 6: [] },
    backend: undefined,
    mappings: [],
    dataDir: isPath ? dataDir : defaultDataDir,
  }
}

const defaultDataDir = '/var/lib/cni/portmap'

function dataDirectory({ dataDir = defaultDataDir }: RawPortmapConf): string {
  if (dataDir.startsWith('/')) return dataDir
  throw invalid('dataDir must be an absolute path', `found ${JSON.stringify(dataDir)}`)
}

function markBit({ markMasqBit, externalSetMarkChain }: RawPortmapConf): number {
  if (markMasqBit !== undefined && externalSetMarkChain !== undefined) {
    throw invalid(
      'Cannot specify externalSetMarkChain and markMasqBit',
      'remove one: the external chain sets a mark of its own',
    )
  }
  const bit = markMasqBit ?? defaultMarkBit
  if (bit >= 0 && bit <= 31) return bit
  throw invalid('MasqMarkBit must be between 0 and 31', `markMasqBit is ${bit}`)
}

function externalChain({ externalSetMarkChain: chain }: RawPortmapConf): string | undefined {
  // XT_EXTENSION_MAXNAMELEN of linux/netfilter/x_tables.h leaves 28 characters to a chain
  if (chain === undefined || /^[\w.-]{1,28}$/.test(chain)) return chain
  const found = JSON.stringify(chain)
  throw invalid('externalSetMarkChain must be the name of a chain', `found ${found}`)
}

function words(raw: RawPortmapConf, key: 'conditionsV4' | 'conditionsV6'): readonly string[] {
  const conditions = raw[key] ?? []
  const index = conditions.findIndex((word) => /[\n\0;]/.test(word))
  if (index < 0) return conditions
  const found = JSON.stringify(conditions[index])
  throw invalid(`${key}.${index} must be a word of one rule`, `found ${found}`)
}

/**
 * The backend that the configuration names, or whose language its options are in. Throws when it
 * names one and has options of the other.
 */
function chooseBackend(raw: RawPortmapConf): FirewallBackend | undefined {
  const named = firewallBackends.find((name) => name === raw.backend)
  if (named === undefined && raw.backend !== undefined) {
    throw invalid(
      `unrecognized backend ${JSON.stringify(raw.backend)}`,
      `expected ${firewallBackends.map((name) => JSON.stringify(name)).join(' or ')}`,
    )
  }
  const specific = firewallBackends.filter((name) => specificOptions(raw, name).length > 0)
  const chosen = named ?? specific[0]
  const wrong = specific.find((name) => name !== chosen)
  if (chosen === undefined || wrong === undefined) return chosen
  throw invalid(
    `${chosen} backend was requested but configuration contains ${wrong}-specific options ` +
      `[${specificOptions(raw, wrong).join(' ')}]`,
    `set "backend" to "${wrong}", or write these options for ${chosen}`,
  )
}

function specificOptions(raw: RawPortmapConf, backend: FirewallBackend): string[] {
  const conditions = (['conditionsV4', 'conditionsV6'] as const).filter(
    (key) => languageOf(raw[key]) === backend,
  )
  const hasChain = backend === 'iptables' && raw.externalSetMarkChain !== undefined
  return hasChain ? ['externalSetMarkChain', ...conditions] : conditions
}

/** Conditions of iptables begin with an option or its negation; those of nftables never do. */
function languageOf([first = '']: readonly string[] = []): FirewallBackend | undefined {
  if (first === '') return undefined
  return /^[-!]/.test(first) ? 'iptables' : 'nftables'
}

function invalid(message: string, details: string): CniError {
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}
