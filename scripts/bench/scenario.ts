/** What a call is measured under. */

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

/** Every combination. */
export function allScenarios(): Scenario[] {
  return ([2, 1000] as const).flatMap((pods) =>
    ([0, 10_000] as const).flatMap((foreignRules) =>
      ([0, 1] as const).flatMap((hostPorts) =>
        (['IPv4', 'dual-stack'] as const).map((families) => ({
          families,
          foreignRules,
          hostPorts,
          pods,
        })),
      ),
    ),
  )
}

/** In words, e.g. `IPv4, 1 host port, 10000 foreign rules, 2 pods`. */
export function describe({ families, foreignRules, hostPorts, pods }: Scenario): string {
  return [
    families,
    ...(hostPorts > 0 ? ['1 host port'] : []),
    ...(foreignRules > 0 ? [`${foreignRules} foreign rules`] : []),
    `${pods} pods`,
  ].join(', ')
}

export function isSame(a: Scenario, b: Scenario): boolean {
  return describe(a) === describe(b)
}
