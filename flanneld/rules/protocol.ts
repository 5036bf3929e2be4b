/** What the agent and the thread of its rules say to each other: values that a port can carry. */
import { DetailedError } from '../../lib/base/errors.ts'
import { type Cidr, formatCidr, parseCidr } from '../../lib/ip/ip.ts'
import type { RuleKind, RulesSpec } from './spec.ts'

/** What a thread is started with. */
export interface ThreadSettings {
  /** PATH, as an environment has it: programs are searched there too. */
  readonly searchPath: string
  /** So many milliseconds lie between two checks. */
  readonly resyncMs: number
}

/** Rules to be set: those of a `RulesSpec`, with addresses as texts. */
export interface SpecMessage extends Omit<RulesSpec, 'networks'> {
  readonly networks: readonly { readonly network: string; readonly subnet: string }[]
}

/** What a thread is told: `resume` looks after rules that another thread has set. */
export interface ThreadOrder {
  readonly order: 'set' | 'resume'
  readonly spec: SpecMessage
}

/** What a thread says: to each order one answer, and what happens on the way. */
export type ThreadMessage =
  | { readonly say: 'set' }
  /** For some time nothing has changed since this generation of rules: the thread is not needed. */
  | { readonly say: 'idle'; readonly generation: number }
  | { readonly say: 'refused'; readonly message: string; readonly details: string }
  | { readonly say: 'repaired'; readonly kind: RuleKind }
  | { readonly say: 'failed'; readonly operation: string; readonly text: string }
  | { readonly say: 'warn' | 'debug'; readonly text: string }

export function encodeSpec(spec: RulesSpec): SpecMessage {
  const networks = spec.networks.map(({ network, subnet }) => ({
    network: formatCidr(network),
    subnet: formatCidr(subnet),
  }))
  return { ...spec, networks }
}

/** Throws a `DetailedError` for an address that is none. */
export function decodeSpec(message: SpecMessage): RulesSpec {
  const networks = message.networks.map(({ network, subnet }) => ({
    network: readCidr(network),
    subnet: readCidr(subnet),
  }))
  return { ...message, networks }
}

function readCidr(text: string): Cidr {
  const cidr = parseCidr(text)
  if (cidr !== undefined) return cidr
  throw new DetailedError(`${text} is no network`, 'expected an address and the length of a prefix')
}
