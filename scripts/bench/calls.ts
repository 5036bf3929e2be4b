/** What a runtime calls for a pod, as jobs for the caller: pure. */
import type { Contestant } from './contestants.ts'
import type { Job, Step } from './jobs.ts'
import { type Conf, confWithoutPorts, firstConf, portmapConf } from './network.ts'
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
  const calls = chain(settings, pod).map((conf) => call('ADD', settings, pod, conf))
  return calls.map((step, index) => (index === 0 ? step : withResult(step)))
}

/** The calls of a DEL of the attachment with this result. */
export function delCalls(settings: CallSettings, pod: Pod, result: string): Job {
  const confs = chain(settings, pod).toReversed()
  return confs.map((conf) => withResult(call('DEL', settings, pod, conf), result))
}

/** The calls of an ADD and of a DEL after it, for a pod without host ports. */
export function addAndDelCalls(settings: CallSettings, pod: Pod): Job {
  const [conf] = chain(settings, pod)
  return [...addCalls(settings, pod), withResult(call('DEL', settings, pod, conf))]
}

/** A DEL of a pod that has no network and no host ports, by the first plugin of a chain or another one. */
export function delOfNothing(
  settings: CallSettings,
  pod: Pod,
  plugin: 'first' | 'portmap' | 'loopback',
): Job {
  const [first] = chain(settings, pod)
  return [call('DEL', settings, pod, plugin === 'first' ? first : confWithoutPorts(plugin))]
}

function chain({ contestant, scenario, dir }: CallSettings, pod: Pod): [Conf, ...Conf[]] {
  const first = firstConf(contestant.plugin, scenario, dir)
  return scenario.hostPorts === 0 ? [first] : [first, portmapConf(pod.hostPort, dir)]
}

function call(command: string, settings: CallSettings, pod: Pod, conf: Conf): Step {
  const { binDir } = settings.contestant
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    CNI_COMMAND: command,
    CNI_CONTAINERID: pod.containerId,
    CNI_NETNS: pod.netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: binDir,
    FLANNEL_CNI_SOCKET: settings.socket,
  }
  return { file: `${binDir}/${conf.type}`, env, before: JSON.stringify(conf), after: '' }
}

/** The call with this result of the one before it, or with what that writes when none is given. */
function withResult(step: Step, result?: string): Step {
  const before = `${step.before.slice(0, -1)},"prevResult":`
  if (result === undefined) return { ...step, before, after: '}' }
  return { ...step, before: `${before}${result}}` }
}
