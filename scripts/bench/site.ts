/** A node of one contestant's own, in the state that a scenario asks for. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeNode, type Node } from '../lab/node.ts'
import type { Caller } from './caller.ts'
import { addCalls, type CallSettings, delCalls, type Pod } from './calls.ts'
import { type Contestant, fallbackNotes } from './contestants.ts'
import { type Job, type Measurement, onlyOf, type Outcome } from './jobs.ts'
import { subnetEnv } from './network.ts'
import { fillNode } from './node-state.ts'
import type { Scenario } from './scenario.ts'
import { Server } from './server.ts'

/** A server lives for weeks: after so many pods each of its threads has compiled its code. */
const residentWarmUps = 150

/** What measurements share. */
export interface Setting {
  readonly caller: Caller
  readonly contestants: readonly Contestant[]
  readonly pods: readonly Pod[]
}

/** Makes a site of each contestant; they are removed with the scope. */
export async function makeSites(
  setting: Setting,
  scenario: Scenario,
  scope: AsyncDisposableStack,
): Promise<Site[]> {
  const sites: Site[] = []
  for (const contestant of setting.contestants) {
    sites.push(await Site.make(setting, contestant, scenario, scope))
  }
  return sites
}

export class Site {
  readonly node: Node
  readonly server: Server | undefined
  readonly settings: CallSettings
  /** The one that single calls are made for. */
  readonly pod: Pod
  readonly #caller: Caller

  private constructor(
    caller: Caller,
    pod: Pod,
    node: Node,
    settings: CallSettings,
    server?: Server,
  ) {
    this.#caller = caller
    this.pod = pod
    this.node = node
    this.server = server
    this.settings = settings
  }

  /** Makes it, with pods attached and detached to warm up; it is removed with the scope. */
  static async make(
    { caller, pods: [pod] }: Setting,
    contestant: Contestant,
    scenario: Scenario,
    scope: AsyncDisposableStack,
  ): Promise<Site> {
    if (pod === undefined) throw new Error('there is no pod to measure with')
    const node = makeNode({ teardown: (remove) => scope.defer(remove) }, caller.dir)
    const { dir } = node
    for (const folder of ['flannel', 'networks', 'portmap']) mkdirSync(join(dir, folder))
    writeFileSync(join(dir, 'subnet.env'), subnetEnv(scenario))
    const executable = join(contestant.binDir, 'cni')
    const server = contestant.resident ? await Server.start(executable, node, scope) : undefined
    const settings = { contestant, scenario, dir, socket: server?.socket ?? '' }
    const site = new Site(caller, pod, node, settings, server)
    const warmUps = contestant.resident ? residentWarmUps : 1
    for (let times = 0; times < warmUps; times++) await site.warmUp(() => {})
    await site.warmUp(() => fillNode(node, scenario, scope))
    await site.warmUp(() => {})
    return site
  }

  /** Attaches a pod, does something, and detaches it. */
  async warmUp(meanwhile: () => void): Promise<void> {
    const { output } = await this.callOne(addCalls(this.settings, this.pod))
    meanwhile()
    await this.callOne(delCalls(this.settings, this.pod, output))
  }

  /** Runs jobs on the node, so many at a time; `wrapper` is as for `Caller.run`. */
  async call(
    jobs: readonly Job[],
    workers: number,
    wrapper: readonly string[] = [],
  ): Promise<Outcome> {
    const servers = this.server?.processes() ?? []
    const before = this.server?.programsMs() ?? 0
    const work = { jobs, workers, servers }
    const outcome = await this.#caller.run(this.node.netns, work, wrapper).catch((error) => {
      this.server?.processes() // what it says when it has ended says more
      throw error
    })
    const programsMs = (this.server?.programsMs() ?? 0) - before
    return { ...outcome, serverMs: outcome.serverMs + programsMs }
  }

  /** Runs one job; its CPU time includes the server's. `wrapper` is as for `Caller.run`. */
  async callOne(job: Job, wrapper: readonly string[] = []): Promise<Measurement> {
    const { jobs, serverMs } = await this.call([job], 1, wrapper)
    const measurement = onlyOf(jobs)
    if (this.server !== undefined && serverMs === 0) {
      throw new Error(`the server on ${this.server.socket} has not answered a call`)
    }
    return { ...measurement, cpuMs: measurement.cpuMs + serverMs }
  }

  /** What is to be said of calls that were measured here. */
  readonly fallbackNotes = (measured: readonly Measurement[]): string[] =>
    fallbackNotes(this.settings.contestant, measured)
}
