/** The agent as a process: when it is ready, and what it takes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { binDir } from '../../lab/executables.ts'
import type { Node } from '../../lab/node.ts'
import { inside } from '../../lab/run.ts'
import { sum } from '../statistics.ts'
import type { Values } from '../table.ts'
import { type PeerCount, prefixOf, type Site, vtep, wire } from './site.ts'

/** After so many ms, what is waited for does not come. */
const patience = 60_000

export class AgentProcess {
  readonly #child: ChildProcess
  readonly #site: Site
  readonly #file: string
  /** By performance.now(). */
  readonly #start: number
  #log = ''

  /** Starts the agent on a node; it ends with the scope. */
  constructor(stack: AsyncDisposableStack, site: Site, node: Node, size: PeerCount) {
    this.#site = site
    this.#file = join(node.dir, 'subnet.env')
    makeOld(this.#file)
    const [program = '', ...args] = inside(node.netns, [
      ...[join(binDir(), 'flanneld'), `--etcd-endpoints=${site.etcd.url}`, '--ip-masq'],
      ...[`--etcd-prefix=${prefixOf(size)}`, `--iface=${wire}`, `--subnet-file=${this.#file}`],
    ])
    this.#start = performance.now()
    // nsenter(1) becomes the agent, so this is the agent's process.
    this.#child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child.stderr?.on('data', (text: Buffer) => (this.#log += text))
    stack.defer(() => this.end())
  }

  /** Resolves when it has written subnet.env, with the ms since its start. */
  async ready(): Promise<number> {
    return await this.until('subnet.env', 2, () => {
      return (statSync(this.#file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > 0
    })
  }

  /** Resolves when the kernel has so many routes to peers, with the ms since its start. */
  async routed(count: number): Promise<number> {
    const net = `/proc/${this.#child.pid}/net`
    return await this.until(`${count} routes`, 5, () => {
      if (prefixCount(net) < count) return false
      return readFileSync(`${net}/route`, 'latin1').split(`\n${vtep}\t`).length > count
    })
  }

  /** Resolves when it is so, which is looked at every `step` ms, with the ms since its start. */
  async until(what: string, step: number, isSo: () => boolean): Promise<number> {
    const limit = performance.now() + patience
    while (!isSo()) {
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null
      if (hasEnded || performance.now() > limit) {
        throw new Error(`${hasEnded ? 'flanneld has ended' : 'too late'}: ${what}\n${this.#log}`)
      }
      await setTimeout(step, undefined, { signal: this.#site.signal })
    }
    return performance.now() - this.#start
  }

  /**
   * The CPU time that it and its children that have ended took so far, in ms. The kernel tells four
   * parts of it, each cut to 10 ms.
   */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1').split(') ')[1]
    return sum((stat?.split(' ') ?? []).slice(11, 15).map((ticks) => Number(ticks) * 10))
  }

  /** What memory it has, and the most that it has had. */
  memory(): Values {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'latin1')
    const megabytes = (field: string) =>
      (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024) / 1e6
    return {
      'resident MB': megabytes('VmRSS'),
      'peak MB': megabytes('VmHWM'),
      'its own MB': megabytes('RssAnon'),
      "files' MB": megabytes('RssFile'),
    }
  }

  /** Has it end; resolves then. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill()
    await ended
  }
}

/**
 * How many prefixes a namespace has routes of, by its folder of /proc; Infinity when the kernel does
 * not count them. To read 5,000 routes takes 10 ms, which the agent would lack, and this a thirtieth.
 */
function prefixCount(net: string): number {
  const file = `${net}/fib_triestat`
  if (!existsSync(file)) return Infinity
  const counts = readFileSync(file, 'latin1').matchAll(/^\s*Prefixes:\s+(\d+)$/gm)
  return sum([...counts].map(([, count]) => Number(count)))
}

/** Gives a file the time 0; one that is not there needs none. */
function makeOld(file: string): void {
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) utimesSync(file, 0, 0)
}
