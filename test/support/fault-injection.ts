/** Calls of plugins in which one system call goes wrong. */
import type { Scope } from '../../scripts/lab/node.ts'
import { prepare, type Subject } from './fault-subject.ts'
import type { Reply } from './plugin-call.ts'
import {
  injecting,
  isMet,
  isSame,
  recorded,
  recording,
  type Run,
  type SystemCall,
  title,
} from './system-calls.ts'

/** A fault in a command of a plugin. */
export interface Fault {
  readonly plugin: string
  readonly command: string
  readonly call: SystemCall
  /** What strace injects there: `signal=KILL`, `error=EIO`. */
  readonly fault: string
}

export interface Faulty extends Subject {
  /** Of the call with the fault. */
  readonly reply: Reply
}

const attempts = 20

/** The system calls that a command makes each time, as far as they matter. */
export async function callsOf(
  plugin: string,
  command: string,
  scope: Scope,
): Promise<SystemCall[]> {
  const calls = await record(plugin, command, scope)
  const others = await record(plugin, command, scope)
  return calls.filter((call) => others.some((other) => isSame(call, other)))
}

async function record(plugin: string, command: string, scope: Scope): Promise<SystemCall[]> {
  const subject = await prepare(plugin, command, scope)
  const { network, pod } = subject
  const run = runOf(subject)
  const { code, stdout } = await network.call(command, pod, {}, { argv: recording(run) })
  if (code !== 0) throw new Error(`${plugin} ${command}: ${stdout}`)
  return recorded(run)
}

function runOf({ node, pod }: Subject): Run {
  return { dir: node.dir, containerId: pod.containerId }
}

/**
 * Runs the command with the fault. Where strace has to count calls, and how many others come before
 * this one differs between runs, another one may meet it: then another attempt begins anew, and
 * counts as the last run did. Throws when the fault has never met the call.
 */
export async function callWithFault(given: Fault, scope: Scope): Promise<Faulty> {
  const { plugin, command, fault } = given
  let { call } = given
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const subject = await prepare(plugin, command, scope)
    const run = runOf(subject)
    const argv = injecting(run, call, fault)
    const reply = await subject.network.call(command, subject.pod, {}, { argv })
    if (isMet(run, call)) return { ...subject, reply }
    const seen = await record(plugin, command, scope)
    call = seen.find((other) => isSame(other, call)) ?? call
  }
  throw new Error(`${title(call)} was not met in ${attempts} runs`)
}
