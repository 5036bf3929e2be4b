/** The node agent killed in a system call by which its main thread changes something, by strace(1). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inside, run } from '../../scripts/lab/run.ts'
import type { FlannelNode } from './flannel-cluster.ts'

/** A system call of the agent's main thread. */
export interface AgentCall {
  readonly name: string
  /** Which of the calls with this name it is, from 1. */
  readonly nth: number
  /** What it is about: the types of netlink messages, or a path. */
  readonly object: string
}

const names = ['sendto', 'openat', 'write', 'fchmod', 'fsync', 'rename'] as const

const strace = ['strace', '-qq', '-y', '-s', '4096', '-e', 'signal=none']

/** The command line of the agent under strace, which writes the calls to a file of the node. */
export function traced(node: FlannelNode, kill?: AgentCall): string[] {
  const filter = ['-e', `trace=${kill?.name ?? names.join()}`]
  const inject =
    kill === undefined ? [] : ['-e', `inject=${kill.name}:signal=KILL:when=${kill.nth}`]
  return [...strace, ...filter, ...inject, '-o', traceOf(node), ...node.agent.argv]
}

/** The calls by which the agent changed something when it was traced last. */
export function changesOf(node: FlannelNode): AgentCall[] {
  const counts = new Map<string, number>()
  const lines = readFileSync(traceOf(node), 'utf8').split('\n')
  return lines.flatMap((line) => {
    const [, name] = /^(\w+)\(/.exec(line) ?? []
    if (name === undefined) return []
    const nth = (counts.get(name) ?? 0) + 1
    counts.set(name, nth)
    const object = objectOf(name, line)
    return object === undefined ? [] : [{ name, nth, object }]
  })
}

/** Runs the agent to its end in the call; false when another one met its end. */
export async function killIn(node: FlannelNode, call: AgentCall): Promise<boolean> {
  await run(inside(node.netns, ['timeout', '--signal=KILL', '5', ...traced(node, call)]))
  const last = readFileSync(traceOf(node), 'utf8').trimEnd().split('\n').at(-1) ?? ''
  return objectOf(call.name, last) === call.object
}

function traceOf({ dir }: FlannelNode): string {
  return join(dir, 'trace')
}

/** Undefined for what changes nothing on the node. */
function objectOf(name: string, line: string): string | undefined {
  if (name === 'sendto') {
    const types = Array.from(line.matchAll(/nlmsg_type=(\w+)/g), ([, type]) => type)
    return types.some((type) => /^RTM_(?:NEW|DEL)/.test(type ?? '')) ? types.join(' ') : undefined
  }
  if (line.startsWith('write(2<')) return undefined // its log
  if (name === 'openat' && !line.includes('O_CREAT')) return undefined
  const [path] = /[^/<"]*subnet\.env[^>"]*|\/proc\/sys\/[^>"]*/.exec(line) ?? []
  return path?.replace(/[\da-f]{16}/, '*')
}
