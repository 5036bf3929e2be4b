/**
 * Rules of ours that are not wanted: those of the other backend after the cluster has changed to
 * this one, and those of a kind or family that has been switched off.
 */
import { fullText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { firewallOf, isInstalled } from '../../lib/firewall/backend.ts'
import { firewallBackends } from '../../lib/firewall/firewall.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasChain, hasLegacyTable, hasRule, hasTable } from '../../lib/firewall/rule-search.ts'
import { remove } from '../../lib/firewall/ruleset.ts'
import { type Change, deleteChains, type TableChanges } from '../../lib/firewall/transaction.ts'
import { chainsOf, type RulesPlace, rulesetOf } from './rulesets.ts'
import { families, ruleKinds } from './spec.ts'

/** Every place where rules of ours can be. */
const allPlaces: readonly RulesPlace[] = firewallBackends.flatMap((backend) =>
  families.flatMap((family) => ruleKinds.map((kind) => ({ backend, family, kind }))),
)

/**
 * Removes what is ours and not at one of the wanted places. The kernel is asked first, so that
 * programs are started only where there is something. What cannot be removed is a warning.
 */
export function removeLeftovers(tools: Tools, wanted: readonly RulesPlace[], log: Log): void {
  const isWanted = (place: RulesPlace) => wanted.some((each) => samePlace(each, place))
  for (const place of allPlaces.filter((each) => !isWanted(each))) {
    const isAlone = !wanted.some((each) => samePlace(each, { ...place, kind: each.kind }))
    try {
      clear(tools, place, isAlone, log)
    } catch (error) {
      log.warn(`${describeRemoved(place, isAlone)} could not be removed: ${fullText(error)}`)
    }
  }
}

function samePlace(a: RulesPlace, b: RulesPlace): boolean {
  return a.backend === b.backend && a.family === b.family && a.kind === b.kind
}

/** `isAlone`: nothing else of ours is wanted in the same table. */
function clear(tools: Tools, place: RulesPlace, isAlone: boolean, log: Log): void {
  const seen = search(place, isAlone)
  if (seen === undefined) return
  if (seen === 'maybe' && !isInstalled(tools, place.backend)) {
    return log.debug(`${place.backend} is not installed: there is nothing of it to remove`)
  }
  const firewall = firewallOf(tools, place.backend)
  if (place.backend === 'nftables') firewall.apply([removal(place, isAlone)])
  else if (!remove(firewall, rulesetOf(place, []))) return
  log.debug(`${describeRemoved(place, isAlone)} are removed`)
}

/** Whether there is something of ours; `maybe` where the kernel does not show what is there. */
function search(place: RulesPlace, isAlone: boolean): 'yes' | 'maybe' | undefined {
  const { table, chain, from } = chainsOf(place)
  const { family } = place
  const within = (name: string) => ({ family, table: table.name, chain: name })
  if (hasChain(within(chain))) return 'yes'
  if (from === undefined) return isAlone && hasTable(within(chain)) ? 'yes' : undefined
  if (hasRule(within(from.chain), from.comment)) return 'yes'
  return hasLegacyTable(family, table.name) ? 'maybe' : undefined
}

/** By nftables the table is ours too; the other kind's chain in it may be wanted. */
function removal(place: RulesPlace, isAlone: boolean): TableChanges {
  const { table, chain } = chainsOf(place)
  if (isAlone) return { table, changes: [{ do: 'delete table' }] }
  const changes: Change[] = [{ do: 'flush chain', chain }, ...deleteChains([chain])]
  return { table, changes }
}

function describeRemoved(place: RulesPlace, isAlone: boolean): string {
  const isTable = isAlone && place.backend === 'nftables'
  return isTable ? `rules of IPv${place.family} by nftables` : describePlace(place)
}

/** What an operator calls the rules of a place. */
export function describePlace({ backend, family, kind }: RulesPlace): string {
  return `${kind} rules of IPv${family} by ${backend}`
}
