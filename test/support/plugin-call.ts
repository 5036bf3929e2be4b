/** Calls a plugin's executable as a container runtime does. */
import { join } from 'node:path'
import { binDir } from '../../scripts/lab/executables.ts'
import type { Namespace } from '../../scripts/lab/node.ts'
import { inside, type Outcome, run } from '../../scripts/lab/run.ts'
import { residentSocket } from './resident-nodes.ts'

export interface Call {
  readonly command?: string
  /** The network configuration; a string is sent as it stands. */
  readonly conf?: object | string
  readonly containerId?: string
  readonly netns?: string
  readonly ifName?: string
  readonly args?: string
  /** CNI_PATH; the folder of the executables when left out. */
  readonly path?: string
  /** More variables; one that is undefined is taken out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The command line that runs the executable; that alone when left out. */
  readonly argv?: (executable: string) => readonly string[]
}

/** What plugins print: the keys of results of every version, of errors, and of VERSION. */
export interface Output {
  readonly cniVersion?: string
  readonly interfaces?: readonly {
    readonly name: string
    readonly mac?: string
    readonly mtu?: number
    readonly sandbox?: string
  }[]
  readonly ips?: readonly {
    readonly address: string
    readonly gateway?: string
    readonly interface?: number
    readonly version?: string
  }[]
  readonly ip4?: LegacyAddress
  readonly ip6?: LegacyAddress
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[]
  readonly dns?: object
  readonly supportedVersions?: readonly string[]
  readonly code?: number
  readonly msg?: string
  readonly details?: string
}

interface LegacyAddress {
  readonly ip: string
  readonly gateway?: string
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[]
}

export interface Reply extends Outcome {
  /** stdout as JSON; empty when it is empty or no JSON. */
  readonly json: Output
}

/** Runs the executable of `plugin` inside the node's network namespace. */
export async function callPlugin(node: Namespace, plugin: string, call: Call): Promise<Reply> {
  const { conf = '', argv = (executable) => [executable] } = call
  const stdin = typeof conf === 'string' ? conf : JSON.stringify(conf)
  const command = inside(node.netns, argv(join(binDir(), plugin)))
  // What a command line does to its process it cannot do to a server.
  const socket = call.argv === undefined ? await residentSocket(node.netns) : undefined
  const outcome = await run(command, { stdin, env: environment(call, socket) })
  return { ...outcome, json: parse(outcome.stdout) }
}

function environment(call: Call, socket = ''): Record<string, string | undefined> {
  return {
    PATH: process.env['PATH'],
    FLANNEL_CNI_SOCKET: socket,
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.containerId,
    CNI_NETNS: call.netns,
    CNI_IFNAME: call.ifName,
    CNI_ARGS: call.args,
    CNI_PATH: call.path ?? binDir(),
    ...call.env,
  }
}

function parse(stdout: string): Output {
  try {
    return JSON.parse(stdout) as Output // tests assert on what they expect in it
  } catch {
    return {} // a test that expects JSON fails on its first key, and shows stdout
  }
}
