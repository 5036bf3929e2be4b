/** Keeps the rules of a node as they are wanted; synchronous, as the packet filter is. */
import { fullText, toDetailed } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { firewallOf } from '../../lib/firewall/backend.ts'
import type { Firewall } from '../../lib/firewall/firewall.ts'
import { isStuck, type Tools } from '../../lib/firewall/node-tool.ts'
import { rulesGeneration } from '../../lib/firewall/rule-search.ts'
import { ensure } from '../../lib/firewall/ruleset.ts'
import { type Family, family } from '../../lib/ip/ip.ts'
import { droppedByIptables } from './forward-policy.ts'
import { usesNfTables } from './iptables-program.ts'
import { describePlace, removeLeftovers } from './leftovers.ts'
import { type RulesPlace, rulesetOf, rulesOf } from './rulesets.ts'
import { type NodeNetwork, type RuleKind, ruleKinds, type RulesSpec } from './spec.ts'

/** What is told of the rules after they have been set. */
export interface RulesEvents {
  /** Rules were not as they had been left, and are again. */
  repaired(kind: RuleKind): void
  /** Something failed that will be tried again; told once for as long as it fails the same way. */
  failed(operation: string, text: string): void
}

/** The rules of one kind and one family. */
interface Part extends RulesPlace {
  readonly networks: NodeNetwork
}

/** What is known of the rules that have been set last. */
interface Wanted {
  readonly spec: RulesSpec
  readonly firewall: Firewall
  readonly parts: readonly Part[]
  /** Whether the backend can choose ports at random, as far as it has been asked. */
  readonly canRandomize: Map<Family, boolean>
  /** Whether the kernel's generation changes with these rules; undefined until it has been asked. */
  hasGeneration?: boolean
  /** The generation in which all was right. */
  checked?: number | undefined
  /** Whether what else there is of ours has been removed: only when these rules are in place. */
  isSwept?: boolean
}

export class RulesUpkeep {
  readonly #tools: Tools
  readonly #log: Log
  readonly #events: RulesEvents
  #wanted: Wanted | undefined
  /** What fails, by what was to be done. */
  readonly #failures = new Map<string, string>()

  constructor(tools: Tools, log: Log, events: RulesEvents) {
    this.#tools = tools
    this.#log = log
    this.#events = events
  }

  /**
   * Installs the rules, and removes what else there is of ours, as that of another backend. Throws
   * a `DetailedError` when masquerading cannot be installed; what else fails is told.
   */
  set(spec: RulesSpec): void {
    const firewall = firewallOf(this.#tools, spec.backend)
    const wanted: Wanted = { spec, firewall, parts: partsOf(spec), canRandomize: new Map() }
    this.#wanted = wanted
    this.#failures.clear()
    for (const part of wanted.parts) {
      try {
        ensure(firewall, rulesetFor(wanted, part))
      } catch (error) {
        if (part.kind === 'masquerade') throw toDetailed(error)
        this.#fail(describePlace(part), error)
      }
    }
    this.#sweep(wanted)
  }

  /** Looks after rules that have been set before, and repairs what is not as it was set. */
  resume(spec: RulesSpec): void {
    const firewall = firewallOf(this.#tools, spec.backend)
    const known = { spec, firewall, parts: partsOf(spec), canRandomize: new Map(), isSwept: true }
    this.#wanted = known
    this.check()
  }

  /**
   * Repairs what is not as it was set. No program is started when the kernel says that no rule has
   * changed since the last time; a repair of this is such a change, and so looked at once more.
   * Returns the kernel's generation of rules when nothing had changed; undefined else, and where
   * nobody can say so.
   */
  check(): number | undefined {
    const wanted = this.#wanted
    if (wanted === undefined) return undefined
    const generation = this.#generation(wanted)
    if (generation !== undefined && generation === wanted.checked) return generation
    const isRight = this.#repair(wanted)
    wanted.checked = isRight ? generation : undefined
    if (isRight) this.#sweep(wanted)
    return undefined
  }

  #sweep(wanted: Wanted): void {
    if (wanted.isSwept) return
    wanted.isSwept = true
    removeLeftovers(this.#tools, wanted.parts, this.#log)
    this.#warnOfPolicy(wanted.spec)
  }

  /** Returns whether all is right now. */
  #repair(wanted: Wanted): boolean {
    let isRight = true
    for (const part of wanted.parts) {
      try {
        if (ensure(wanted.firewall, rulesetFor(wanted, part))) this.#events.repaired(part.kind)
        this.#failures.delete(describePlace(part))
      } catch (error) {
        isRight = false
        this.#fail(describePlace(part), error)
        if (isStuck(error)) break // the others would wait as long
      }
    }
    return isRight
  }

  #generation(wanted: Wanted): number | undefined {
    try {
      wanted.hasGeneration ??= hasGeneration(this.#tools, wanted)
      return wanted.hasGeneration ? rulesGeneration() : undefined
    } catch (error) {
      this.#fail('finding out whether rules have changed', error)
      return undefined
    }
  }

  #fail(operation: string, error: unknown): void {
    const text = fullText(error)
    if (this.#failures.get(operation) === text) return
    this.#failures.set(operation, text)
    this.#events.failed(operation, text)
  }

  #warnOfPolicy(spec: RulesSpec): void {
    if (spec.backend !== 'nftables' || !spec.forward) return
    try {
      const warning = droppedByIptables(this.#tools, spec)
      if (warning !== undefined) this.#log.warn(warning)
    } catch (error) {
      this.#log.warn(`whether iptables drops what it forwards is not known: ${fullText(error)}`)
    }
  }
}

function partsOf(spec: RulesSpec): Part[] {
  const { backend } = spec
  return ruleKinds
    .filter((kind) => spec[kind])
    .flatMap((kind) =>
      spec.networks.map((networks) => {
        return { backend, kind, networks, family: family(networks.network.ip) }
      }),
    )
}

/** Throws as `Firewall` does: the backend is asked once what it can do. */
function rulesetFor({ spec, firewall, canRandomize }: Wanted, part: Part) {
  const { kind, networks } = part
  const canBeRandom = () => {
    const known = canRandomize.get(part.family) ?? firewall.canRandomizeFully(part.family)
    canRandomize.set(part.family, known)
    return known
  }
  const isRandom = kind === 'masquerade' && spec.fullyRandom && canBeRandom()
  return rulesetOf(part, rulesOf(kind, networks, isRandom))
}

/** That of the kernel says nothing about rules of the older half of iptables. */
function hasGeneration(tools: Tools, { spec, parts }: Wanted): boolean {
  if (spec.backend === 'nftables') return true
  return [...new Set(parts.map(({ family }) => family))].every((each) => usesNfTables(tools, each))
}
