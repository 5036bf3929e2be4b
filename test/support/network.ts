/** A network of a plugin on the node of a test. */
import type { Pod } from '../../scripts/lab/node.ts'
import type { Call, Output, Reply } from './plugin-call.ts'

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

/** The network that is reached by these calls. */
export function networkOf(call: Network['call']): Network {
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
