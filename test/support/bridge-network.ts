/** Networks of the bridge plugin on the node of a test. */
import { binDir } from './executables.ts'
import { fakeIpamDir } from './ipam.ts'
import { links, type Link } from './ip.ts'
import type { Node, Pod } from './node.ts'
import { callPlugin, type Call, type Output, type Reply } from './plugin-call.ts'

export interface Network {
  /**
   * Calls the plugin for a pod's eth0. `keys` are added to the configuration; `call` replaces
   * anything else.
   */
  call(command: string, pod: Pod, keys?: object, call?: Call): Promise<Reply>
  /** The result of an ADD. Rejects unless it succeeds without a word on stderr. */
  attach(pod: Pod, keys?: object, call?: Call): Promise<Output>
  /** What a command other than ADD has to say: nothing. Rejects when it says something. */
  silent(command: string, pod: Pod, keys?: object, call?: Call): Promise<void>
  /** The error of a call. Rejects when it succeeds. */
  refused(command: string, pod: Pod, keys?: object, call?: Call): Promise<Output>
}

/** The network `net1` on a node, with a configuration of these keys. */
export function makeNetwork(node: Node, conf: object = {}): Network {
  const call: Network['call'] = (command, pod, keys = {}, rest = {}) =>
    callPlugin(node, 'bridge', {
      command,
      containerId: pod.containerId,
      netns: pod.netns,
      ifName: 'eth0',
      path: `${binDir()}:${fakeIpamDir(node)}`,
      conf: { cniVersion: '1.1.0', name: 'net1', type: 'bridge', ...conf, ...keys },
      ...rest,
    })
  return {
    call,
    async attach(...args) {
      const { code, stdout, stderr, json } = await call('ADD', ...args)
      if (code === 0 && stderr === '') return json
      throw new Error(`ADD: exit status ${code}: ${stdout}${stderr}`)
    },
    async silent(command, ...args) {
      const { code, stdout, stderr } = await call(command, ...args)
      if (code === 0 && stdout === '' && stderr === '') return
      throw new Error(`${command}: exit status ${code}: ${stdout}${stderr}`)
    },
    async refused(command, ...args) {
      const { code, stdout, json } = await call(command, ...args)
      if (code === 1 && json.code !== undefined) return json
      throw new Error(`${command}: exit status ${code}: ${stdout}`)
    },
  }
}

/** The host's ends of a node's pods. */
export function veths(node: Node): Link[] {
  return links(node).filter(({ linkinfo }) => linkinfo?.info_kind === 'veth')
}
