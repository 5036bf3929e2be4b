/**
 * The thread that serves calls for a server: one after the other, each by the same dispatch as in
 * a process of its own. A thread, because it moves between network namespaces, which must not
 * take along the one that talks to the fronts.
 */
import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { MessagePort } from 'node:worker_threads'
import type { Environment } from '../lib/base/environment.ts'
import type { Stage } from '../lib/base/stage.ts'
import { createHost, elapsed, sleep } from '../lib/cni/host-process.ts'
import { serveCall } from '../lib/cni/interrupted.ts'
import type { Plugin } from '../lib/cni/plugin.ts'
import { openAio, type Sending } from '../lib/linux/aio.ts'
import { abort, chdir } from '../lib/linux/libc.ts'
import { BackgroundRemoval, type LinkRemoval } from '../lib/net/link-removal.ts'
import { type Answer, socketVariable } from './protocol.ts'
import { separateFolder } from './thread.ts'

/** A call on its way to a thread. */
export interface ThreadCall {
  readonly name: string
  readonly env: Environment
  readonly stdin: string
  /** Why stdin is not all there. */
  readonly stdinProblem?: string
  /** The front, which waits for the answer. */
  readonly pid: number
  /** When it had been received, in ms of CLOCK_MONOTONIC. */
  readonly receivedMs: number
}

/**
 * What a thread says: first that it is ready, and then of each call its answer, undefined when it
 * declines. Before that, what the call has left on its way, for somebody else to release.
 */
export type ThreadMessage =
  'ready' | { readonly left: Sending } | { readonly answer: Answer | undefined }

/**
 * Serves what comes through the port by the plugins that `createPlugins` gives, which have links
 * deleted in the background. The calling thread gets the niceness of nice(2).
 */
export function serveCalls(
  port: MessagePort,
  createPlugins: (linkRemoval: LinkRemoval) => readonly Plugin[],
  niceness: number,
): void {
  setPriority(niceness)
  separateFolder()
  const home = currentNetns()
  const say = (message: ThreadMessage) => port.postMessage(message)
  const plugins = createPlugins(new BackgroundRemoval(openAio(), sleep, (left) => say({ left })))
  port.on('message', (call: ThreadCall) => {
    const answer = serve(call, plugins)
    // Netns.run has ended the process already if it could not come back; this says that it did.
    if (currentNetns() !== home) abort()
    say({ answer })
  })
  say('ready')
}

function currentNetns(): string {
  return readlinkSync('/proc/thread-self/ns/net')
}

function serve(call: ThreadCall, plugins: readonly Plugin[]): Answer | undefined {
  const plugin = plugins.find(({ name }) => name === call.name)
  if (plugin === undefined || !enterFolderOf(call)) return undefined
  let stdout = ''
  let stderr = ''
  const startStages = waitingStages(call)
  const host = createHost(plugins, (text) => (stderr += text), {
    startStages: () => startStages,
  })
  const readStdin = () => {
    if (call.stdinProblem !== undefined) throw new Error(call.stdinProblem)
    return call.stdin
  }
  // What a plugin executes must not wait for a thread that waits for it.
  const env = { ...call.env, [socketVariable]: '' }
  const writeStdout = (text: string) => {
    stdout += text
  }
  try {
    const exitCode = serveCall(plugin, { env, readStdin, writeStdout }, host)
    return { exitCode, stdout, stderr }
  } finally {
    chdir('/')
  }
}

/** The wait of a call for its thread, which ends with this. */
function waitingStages({ receivedMs: beginMs }: ThreadCall): Stage[] {
  return [{ name: 'waiting for a thread', depth: 0, beginMs, tookMs: elapsed() - beginMs }]
}

/** Goes where the front is, since paths may be relative; false when it has ended by now. */
function enterFolderOf({ pid }: ThreadCall): boolean {
  try {
    chdir(`/proc/${pid}/cwd`)
    return true
  } catch {
    return false // nobody waits for an answer
  }
}
