/** The rules of a namespace as trees: each chain with its rules in their order. */
import type { Branch, Tree } from './tree.ts'

type Growing = Record<string, Record<string, Tree>>

/** What `nft -j list ruleset` lists, by family, table and chain. */
export function nftState(items: readonly Readonly<Record<string, unknown>>[]): Branch {
  const found: Growing = {}
  for (const item of items) {
    const [[kind, body] = []] = Object.entries(item)
    if (kind === undefined || kind === 'metainfo') continue
    const { handle: _, family, table, name, chain, ...rest } = body as Record<string, unknown>
    const place = [family, table, chain ?? name].filter((part) => part !== undefined).join()
    const holder = (found[place] ??= {})
    const key = kind === 'rule' ? `rule${Object.keys(holder).length}` : kind
    holder[key] = JSON.stringify(rest).replaceAll(/("(?:packets|bytes)":)\d+/g, '$10')
  }
  return found
}

/** What iptables-save(8) prints of a table, by chain. */
export function iptablesState(lines: readonly string[]): Branch {
  const found: Growing = {}
  for (const line of lines) {
    const [first = '', second = ''] = line.split(' ')
    if (first.startsWith(':')) found[first.slice(1)] = { policy: second }
    if (first !== '-A') continue
    const chain = (found[second] ??= {})
    chain[`rule${Object.keys(chain).length}`] = line
  }
  return found
}
