/** What the agent makes on its node for its lease, and keeps true: devices, rules, subnet.env. */
import type { Lease } from '../lib/flannel/lease.ts'
import { family } from '../lib/ip/ip.ts'
import type { AgentOptions } from './agent-options.ts'
import type { Backend, Macs, Node } from './backends/backend.ts'
import { blackholeRoutes } from './blackhole.ts'
import { Debounce } from './debounce.ts'
import type { NetworkConf } from './network-conf.ts'
import { Peers } from './peers.ts'
import { ProblemLog } from './problem-log.ts'
import { RulesKeeper } from './rules/keeper.ts'
import type { RulesSpec } from './rules/spec.ts'
import { describeSite, lookAgain, type Place } from './site.ts'
import type { NodeState } from './state/node-state.ts'
import type { Observer } from './state/observer.ts'
import { Reconciler } from './state/reconciler.ts'
import { writeSubnetFile } from './subnet-file.ts'
import { pause, untilAborted } from './wait.ts'

export interface Acquired {
  readonly conf: NetworkConf
  readonly backend: Backend
  readonly place: Place
  readonly macs: Macs
  readonly lease: Lease
}

/** How often it is looked whether the devices are there, in ms. */
const readyPollMs = 100
/** Between tries to tell of the node where that fails, in ms. */
const retryMs = 1000
/** An interface changes in several steps; they are looked at together, so many ms later. */
const settleMs = 200

export class NodeNetwork implements AsyncDisposable {
  readonly #given: AgentOptions
  readonly #acquired: Acquired
  readonly #stack = new AsyncDisposableStack()
  readonly #reconciler: Reconciler
  readonly #underlay: Debounce
  readonly peers: Peers
  readonly #problems: ProblemLog
  #place: Place
  /** What of the node the other nodes and the CNI plugin have been told. */
  #told: string
  #retry: NodeJS.Timeout | undefined
  readonly #ended = new AbortController()

  constructor(given: AgentOptions, acquired: Acquired) {
    this.#given = given
    this.#acquired = acquired
    this.#place = acquired.place
    this.#told = describeSite(acquired.place.site)
    this.#problems = new ProblemLog((message) => given.log.error(message))
    this.#stack.defer(() => clearTimeout(this.#retry))
    this.#underlay = this.#stack.use(new Debounce(settleMs, () => this.#lookAgain()))
    this.#stack.defer(() => this.#ended.abort())
    const { connection, subscription, log, metrics } = given
    const { backend } = acquired
    this.#reconciler = this.#stack.use(
      new Reconciler({
        ...{ connection, subscription, log },
        node: this.#nodeState(),
        observer: this.#observer(),
      }),
    )
    const reconciler = this.#reconciler
    this.peers = new Peers({ backend, node: this.#node, reconciler, log, metrics })
  }

  /** Resolves when pods can get a network; rejects with a `DetailedError` when they cannot. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#startDevices(signal), this.#startRules()])
    signal.throwIfAborted()
    this.#writeSubnetFile()
  }

  /** Waits for a device that cannot be made yet: the reconciler says why, and tries again. */
  async #startDevices(signal: AbortSignal): Promise<void> {
    await this.#reconciler.settled()
    while (!this.#reconciler.isReady && !signal.aborted) await pause(readyPollMs, signal)
  }

  async #startRules(): Promise<void> {
    const { options, searchPath, entry, log, metrics } = this.#given
    const resyncMs = options['iptables-resync'] * 1000
    const keeper = await RulesKeeper.start(this.#rules, {
      ...{ entry, searchPath, resyncMs, log },
      events: {
        repaired: (kind) => {
          log.info(`the ${kind} rules had been changed, and are as they were`)
          metrics.driftRepaired('rule', 1)
        },
        failed: (operation, text) => {
          log.error(`${operation}: ${text}`)
          metrics.failed('rules')
        },
      },
    })
    this.#stack.defer(() => keeper.close())
  }

  get #rules(): RulesSpec {
    const { options } = this.#given
    const { conf, lease } = this.#acquired
    return {
      backend: conf.usesNftables ? 'nftables' : 'iptables',
      networks: conf.families.flatMap(({ family: of, network }) => {
        const subnet = lease.subnets.find(({ ip }) => family(ip) === of)
        return subnet === undefined ? [] : [{ network, subnet }]
      }),
      masquerade: options['ip-masq'],
      forward: options['iptables-forward-rules'],
      fullyRandom: !options['ip-masq-fully-random-disable'],
    }
  }

  get #node(): Node {
    const { macs, lease } = this.#acquired
    return { ...this.#place.site, macs, subnets: lease.subnets }
  }

  #nodeState(): NodeState {
    const { backend, lease } = this.#acquired
    const state = backend.nodeState(this.#node)
    if (!this.#given.options['ip-blackhole-route']) return state
    return { ...state, entries: [...state.entries, ...blackholeRoutes(lease.subnets)] }
  }

  #observer(): Observer {
    const { metrics } = this.#given
    return {
      repaired: (kind) => metrics.driftRepaired(kind, 1),
      applied: (seconds) => {
        metrics.eventReachedKernel(seconds)
        metrics.peersProgrammed(this.#reconciler.reachableCount)
      },
      failed: (operation) => metrics.failed(operation),
      underlayChanged: () => this.#underlay.trigger(),
    }
  }

  /** Takes over what has become of the external interface. */
  async #lookAgain(): Promise<void> {
    const { log, metrics } = this.#given
    try {
      const now = lookAgain(this.#given, this.#place)
      const site = describeSite(now.site)
      if (site !== describeSite(this.#place.site)) {
        log.info(`The external interface is ${site} now`)
        this.#place = now
        this.#reconciler.setNode(this.#nodeState())
        this.peers.setNode(this.#node)
      }
      if (site !== this.#told) {
        this.#writeSubnetFile()
        await this.#publish()
        this.#told = site
      }
      this.#problems.clear()
    } catch (error) {
      if (this.#ended.signal.aborted) return
      this.#problems.report('the external interface has changed', error)
      metrics.failed('underlay')
      if (describeSite(this.#place.site) !== this.#told) this.#retryLater()
    }
  }

  /** The kernel tells of an interface, but nobody tells when etcd can be reached from it. */
  #retryLater(): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#underlay.trigger(), retryMs)
  }

  async #publish(): Promise<void> {
    const { backend, macs } = this.#acquired
    const { 4: publicIp, 6: publicIpv6 } = this.#place.site.underlay.publicIps
    const told = this.#given.manager.publish({ publicIp, publicIpv6, ...backend.attributes(macs) })
    await untilAborted(told, this.#ended.signal)
  }

  #writeSubnetFile(): void {
    const { options } = this.#given
    const { backend, lease } = this.#acquired
    writeSubnetFile(options['subnet-file'], {
      networks: this.#place.site.networks,
      subnets: lease.subnets,
      mtu: backend.podMtu(this.#place.site),
      ipMasq: options['ip-masq'],
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
