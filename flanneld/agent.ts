/**
 * The node agent: takes a lease, makes the way to the other nodes, tells the CNI plugin, and keeps
 * all of it true. The order is upstream's: device, rules, subnet.env, and then the peers.
 */
import type { Lease } from '../lib/flannel/lease.ts'
import type { AgentOptions } from './agent-options.ts'
import type { Backend, Macs } from './backends/backend.ts'
import { backendOf } from './backends/index.ts'
import { chooseMacs } from './backends/macs.ts'
import { readParameter, remarksOn } from './kernel-checks.ts'
import type { NetworkConf } from './network-conf.ts'
import { NodeNetwork } from './node-network.ts'
import { findPlace, type Place } from './site.ts'
import { describeSubnets } from './subnet/choose.ts'
import { readPreviousSubnets } from './subnet-file.ts'

export class Agent {
  readonly #given: AgentOptions
  #isReady = false

  constructor(given: AgentOptions) {
    this.#given = given
  }

  /** Whether pods can get a network: subnet.env has been written. */
  get isReady(): boolean {
    return this.#isReady
  }

  /**
   * Runs until the signal is aborted. Rejects with a `DetailedError` when the agent cannot start, and
   * when another node has taken its lease.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { manager, options, log } = this.#given
    const conf = await manager.networkConf(signal)
    const backend = backendOf(conf.backend)
    log.info(`Found network config - Backend type: ${conf.backend.type}`)
    for (const { level, text } of remarksOn(conf, readParameter)) log[level](text)
    const place = findPlace(this.#given, conf)
    const { macs, lease } = await this.#acquire(conf, backend, place, signal)
    await using network = new NodeNetwork(this.#given, { conf, backend, place, macs, lease })
    await network.start(signal)
    this.#isReady = true
    log.info(`Wrote subnet file to ${options['subnet-file']}`)
    this.#given.notifier.ready(`${conf.backend.type}, ${describeSubnets(lease.subnets)}`)
    log.info('Running backend.')
    await this.#serve(network, signal)
  }

  async #acquire(
    conf: NetworkConf,
    backend: Backend,
    place: Place,
    signal: AbortSignal,
  ): Promise<{ macs: Macs; lease: Lease }> {
    const { manager, connection, options, log } = this.#given
    const { 4: publicIp, 6: publicIpv6 } = place.site.underlay.publicIps
    const macs = await chooseMacs(backend, place.site, connection, () =>
      manager.storedAttributes({ publicIp, publicIpv6 }),
    )
    const attributes = { publicIp, publicIpv6, ...backend.attributes(macs) }
    const { subnets: previous } = readPreviousSubnets(options['subnet-file'], log)
    const lease = await manager.acquire({ conf, attributes, previous }, signal)
    log.info(`Lease acquired: ${describeSubnets(lease.subnets)}`)
    return { macs, lease }
  }

  /** Follows the peers and keeps the lease; either of them ends both. */
  async #serve(network: NodeNetwork, signal: AbortSignal): Promise<void> {
    const { manager } = this.#given
    const own = new AbortController()
    const ended = AbortSignal.any([signal, own.signal])
    const follow = async () => {
      for await (const change of manager.watch(ended)) network.peers.apply(change)
    }
    const parts = [follow(), manager.keep(ended)]
    try {
      await Promise.all(parts)
    } finally {
      own.abort()
      await Promise.allSettled(parts)
    }
  }
}
