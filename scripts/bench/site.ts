/** A node of one contestant's own, in the state that a scenario asks for. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeNode, type Node } from '../lab/node.ts'
import type { Caller } from './caller.ts'
import { addCalls, type CallSettings, delCalls, type Pod } from './calls.ts'
import type { Contestant } from './contestants.ts'
import { addCrowd } from './crowd.ts'
import { addForeignRules } from './foreign-rules.ts'
import type { Job, Measurement, Outcome } from './jobs.ts'
import { subnetEnv } from './network.ts'
import type { Scenario } from './scenario.ts'
import { Server } from './server.ts'

/** A server lives for weeks: after so many pods each of its threads has compiled its code. */
const residentWarmUps = 150

export class Site {
  readonly contestant: Contestant
  readonly node: Node
  readonly server: Server | undefined
  readonly settings: CallSettings
  readonly #caller: Caller

  private constructor(caller: Caller, node: Node, settings: CallSettings, server?: Server) {
    this.#caller = caller
    this.contestant = settings.contestant
    this.node = node
    this.server = server
    this.settings = settings
  }

  /** Makes it, with pods attached and detached to warm up; it is removed with the scope. */
  static async make(
    caller: Caller,
    contestant: Contestant,
    scenario: Scenario,
    pod: Pod,
    scope: AsyncDisposableStack,
  ): Promise<Site> {
    const node = makeNode({ teardown: (remove) => scope.defer(remove) }, caller.dir)
    const { dir, netns } = node
    for (const folder of ['flannel', 'networks', 'portmap']) mkdirSync(join(dir, folder))
    writeFileSync(join(dir, 'subnet.env'), subnetEnv(scenario))
    const executable = join(contestant.binDir, 'cni')
    const server = contestant.resident
      ? await Server.start(executable, netns, dir, scope)
      : undefined
    const settings = { contestant, scenario, dir, socket: server?.socket ?? '' }
    const site = new Site(caller, node, settings, server)
    const warmUps = contestant.resident ? residentWarmUps : 1
    for (let times = 0; times < warmUps; times++) await site.warmUp(pod, () => {})
    await site.warmUp(pod, () => {
      addCrowd(node, scenario, scope)
      addForeignRules(node, scenario)
    })
    await site.warmUp(pod, () => {})
    return site
  }

  /** Attaches a pod, does something, and detaches it. */
  async warmUp(pod: Pod, meanwhile: () => void): Promise<void> {
    const { output } = await this.callOne(addCalls(this.settings, pod))
    meanwhile()
    await this.callOne(delCalls(this.settings, pod, output))
  }

  /** Runs jobs on the node, so many at a time; `wrapper` is as for `Caller.run`. */
  async call(
    jobs: readonly Job[],
    workers: number,
    wrapper: readonly string[] = [],
  ): Promise<Outcome> {
    const servers = this.server?.processes() ?? []
    const before = this.server?.programsMs() ?? 0
    const outcome = await this.#caller.run(this.node.netns, { jobs, workers, servers }, wrapper)
    const programsMs = (this.server?.programsMs() ?? 0) - before
    return { ...outcome, serverMs: outcome.serverMs + programsMs }
  }

  /** Runs one job; its CPU time includes the server's. `wrapper` is as for `Caller.run`. */
  async callOne(job: Job, wrapper: readonly string[] = []): Promise<Measurement> {
    const { jobs, serverMs } = await this.call([job], 1, wrapper)
    const [measurement] = jobs
    if (measurement === undefined) throw new Error('the caller measured nothing')
    if (this.server !== undefined && serverMs === 0) {
      throw new Error(`the server on ${this.server.socket} has not answered a call`)
    }
    return { ...measurement, cpuMs: measurement.cpuMs + serverMs }
  }
}
