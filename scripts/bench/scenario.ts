/** What a call is measured under: pure. */

export interface Scenario {
  readonly families: 'IPv4' | 'dual-stack'
  /** iptables rules of others, for each family. */
  readonly foreignRules: number
  /** Of each pod; with one, the plugin portmap is called behind the first. */
  readonly hostPorts: 0 | 1
  /** Pods that are on the node already. */
  readonly pods: number
}

export const base: Scenario = { families: 'IPv4', foreignRules: 0, hostPorts: 0, pods: 2 }

export const crowded: Scenario = { ...base, pods: 1000 }

/** In words, e.g. `IPv4, 1 host port, 10000 foreign rules, 2 pods`. */
export function describe({ families, foreignRules, hostPorts, pods }: Scenario): string {
  return [
    families,
    ...(hostPorts > 0 ? ['1 host port'] : []),
    ...(foreignRules > 0 ? [`${foreignRules} foreign rules`] : []),
    `${pods} pods`,
  ].join(', ')
}
