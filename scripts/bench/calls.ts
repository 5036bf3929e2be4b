/** What a runtime calls for a pod, as jobs for the caller: pure. */
import type { Contestant } from './contestants.ts'
import type { Job, Step } from './jobs.ts'
import { confWithoutPorts, firstConf, portmapConf } from './network.ts'
import type { Scenario } from './scenario.ts'

/** A pod's sandbox. */
export interface Pod {
  readonly containerId: string
  /** The path of its network namespace. */
  readonly netns: string
  readonly hostPort: number
}

export interface CallSettings {
  readonly contestant: Contestant
  readonly scenario: Scenario
  /** Where state is kept. */
  readonly dir: string
  /** Where the server of a resident contestant listens; empty for none. */
  readonly socket: string
}

/** The calls of an ADD: the last one's output is the attachment's result. */
export function addCalls(settings: CallSettings, pod: Pod): Job {
  return chain(settings, pod).map(({ plugin, conf }, index) => {
    const file = `${settings.contestant.binDir}/${plugin}`
    const env = environment('ADD', settings, pod)
    if (index === 0) return { file, env, before: JSON.stringify(conf), after: '' }
    return { file, env, ...aroundResult(conf) }
  })
}

/** The calls of a DEL of the attachment with this result. */
export function delCalls(settings: CallSettings, pod: Pod, result: string): Job {
  return chain(settings, pod)
    .toReversed()
    .map(({ plugin, conf }): Step => {
      const { before, after } = aroundResult(conf)
      return {
        file: `${settings.contestant.binDir}/${plugin}`,
        env: environment('DEL', settings, pod),
        before: before + result + after,
        after: '',
      }
    })
}

/** The calls of an ADD and of a DEL after it, for a pod without host ports. */
export function addAndDelCalls(settings: CallSettings, pod: Pod): Job {
  const [{ plugin, conf }] = chain(settings, pod)
  const file = `${settings.contestant.binDir}/${plugin}`
  const env = environment('DEL', settings, pod)
  return [...addCalls(settings, pod), { file, env, ...aroundResult(conf) }]
}

/** A plugin that is called for a stock pod, in its chain or for its loopback network. */
export type PluginOfChain = Contestant['plugin'] | 'portmap' | 'loopback'

/** A DEL by one plugin of a pod that has no network: one of a chain, for a pod without host ports. */
export function delOfNothing(settings: CallSettings, pod: Pod, plugin: PluginOfChain): Job {
  const { contestant, scenario, dir } = settings
  const conf =
    plugin === 'portmap' || plugin === 'loopback'
      ? confWithoutPorts(plugin)
      : firstConf(plugin, scenario, dir)
  const file = `${contestant.binDir}/${plugin}`
  return [{ file, env: environment('DEL', settings, pod), before: JSON.stringify(conf), after: '' }]
}

/** The text of a configuration before and after the result of the call before it. */
function aroundResult(conf: object): Pick<Step, 'before' | 'after'> {
  return { before: `${JSON.stringify(conf).slice(0, -1)},"prevResult":`, after: '}' }
}

interface Link {
  readonly plugin: string
  readonly conf: object
}

function chain({ contestant, scenario, dir }: CallSettings, pod: Pod): [Link, ...Link[]] {
  const { plugin } = contestant
  const first = { plugin, conf: firstConf(plugin, scenario, dir) }
  if (scenario.hostPorts === 0) return [first]
  return [first, { plugin: 'portmap', conf: portmapConf(pod.hostPort, dir) }]
}

function environment(
  command: 'ADD' | 'DEL',
  { contestant, socket }: CallSettings,
  { containerId, netns }: Pod,
): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: contestant.binDir,
    FLANNEL_CNI_SOCKET: socket,
  }
}
