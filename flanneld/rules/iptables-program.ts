/** The programs of iptables, and which half of it they are: the one by nf_tables, or the older one. */
import type { Tools } from '../../lib/firewall/node-tool.ts'
import type { Family } from '../../lib/ip/ip.ts'

export const iptablesPrograms = { 4: 'iptables', 6: 'ip6tables' } as const

const limits = { timeoutMs: 30_000, debianPackage: 'iptables' } as const

/** Whether the program keeps its rules in nf_tables. Throws as `Tools.run` does. */
export function usesNfTables(tools: Tools, family: Family): boolean {
  const name = iptablesPrograms[family]
  const remedy = `see what it says to: ${name} --version`
  return tools.run({ name, args: ['--version'], remedy, ...limits }).includes('(nf_tables)')
}

/** What the older half lists of a chain of table filter; throws as `Tools.run` does. */
export function listLegacy(tools: Tools, family: Family, chain: string): string {
  // where both are installed, only this one reads the tables of the older half
  const legacy = `${iptablesPrograms[family]}-legacy`
  const name = tools.find(legacy) === undefined ? iptablesPrograms[family] : legacy
  const remedy = `see what there is with: ${name} -S ${chain}`
  return tools.run({ name, args: ['-w', '20', '-S', chain], remedy, ...limits })
}
