/** A node whose rules are kept, for tests: what is told, what is run, and what other tools say. */
import type { RulesSpec } from '../../flanneld/rules/spec.ts'
import { RulesUpkeep } from '../../flanneld/rules/upkeep.ts'
import { type ToolCall, Tools } from '../../lib/firewall/node-tool.ts'
import { Netns } from '../../lib/linux/netns.ts'
import { addNamespace, kernelSkip, type Scope } from '../../scripts/lab/node.ts'
import { inside, missingProgram, runSync } from '../../scripts/lab/run.ts'
import { cidr } from './address.ts'

/** Why no rules can be kept here; false when they can. */
export function rulesSkip(): string | false {
  return kernelSkip() || missingProgram('iptables', 'ip6tables', 'nft')
}

const four = { network: cidr('10.244.0.0/16'), subnet: cidr('10.244.1.0/24') }
const six = { network: cidr('2001:db8:42::/56'), subnet: cidr('2001:db8:42:1::/64') }

/** What a node of both families is to have, but for what is given. */
export function specOf(backend: RulesSpec['backend'], other: Partial<RulesSpec> = {}): RulesSpec {
  const all = { masquerade: true, forward: true, fullyRandom: true, networks: [four, six] }
  return { backend, ...all, ...other }
}

/** The node's own programs, without some of them, and with a list of what has been run. */
class WatchedTools extends Tools {
  readonly ran: string[] = []
  readonly hidden = new Set<string>()
  /** Whether iptables is its older half. */
  isLegacy = false

  override find(name: string): string | undefined {
    return this.hidden.has(name) ? undefined : super.find(name)
  }

  override run(call: ToolCall): string {
    if (this.hidden.has(call.name)) throw new Error(`${call.name} is hidden`)
    this.ran.push([call.name, ...call.args].join(' '))
    const name = this.isLegacy ? call.name.replace(/tables(?!-legacy)/, 'tables-legacy') : call.name
    return super.run({ ...call, name })
  }
}

/** Rules kept in a network namespace of their own, by the calling thread. */
export function keptNode(scope: Scope) {
  const { netns: path } = addNamespace(scope)
  const netns = Netns.open(path)
  scope.teardown(() => netns[Symbol.dispose]())
  const tools = new WatchedTools()
  const told: string[] = []
  const log = {
    warn: (text: string) => void told.push(`warning: ${text}`),
    debug: (text: string) => void told.push(`debug: ${text}`),
  }
  const upkeep = new RulesUpkeep(tools, log, {
    repaired: (kind) => void told.push(`repaired ${kind}`),
    failed: (operation, text) => void told.push(`failed ${operation}: ${text}`),
  })
  const run = (...argv: string[]) => runSync(inside(path, argv))
  return {
    path,
    tools,
    set: (spec: RulesSpec) => netns.run(() => upkeep.set(spec)),
    check: () => netns.run(() => upkeep.check()),
    /** What has been told since the last time. */
    told: () => told.splice(0),
    run,
    /** Runs a command line whose words need no quotes. */
    sh: (command: string) => run(...command.split(' ')),
    lines: (command: string) =>
      run(...command.split(' '))
        .trim()
        .split('\n'),
  }
}
