/** Metrics that are kept, by prom-client, and the page that Prometheus reads. */
import type { Registry } from 'prom-client'
import { driftKinds, type Metrics } from './metrics.ts'

export interface MetricsPage {
  readonly contentType: string
  /** Rejects when what it asks of the process cannot be answered. */
  text(): Promise<string>
}

/** What the process has used up to now. */
export interface ProcessUsage {
  readonly residentBytes: number
  /** Of user and system together. */
  readonly cpuSeconds: number
}

export interface MetricsOptions {
  readonly version: string
  readonly usage: () => ProcessUsage
}

type Client = Awaited<ReturnType<typeof loadClient>>

/** From 1 ms to 10 s. */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Metrics of which nothing is shared with others in this process. Loads prom-client. */
export async function createMetrics(options: MetricsOptions): Promise<Metrics & MetricsPage> {
  const client = await loadClient()
  const registry = new client.Registry()
  const of = { client, registers: [registry] }
  addBuild(of, options.version)
  addProcess(of, options.usage)
  return {
    ...addPeers(of),
    ...addTroubles(of),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}

interface Owner {
  readonly client: Client
  readonly registers: Registry[]
}

type PeerMetrics = Pick<Metrics, 'leases' | 'peersProgrammed' | 'eventReachedKernel'>

function addPeers({ client: { Gauge, Histogram }, registers }: Owner): PeerMetrics {
  const leases = new Gauge({
    name: 'flannel_leases',
    help: 'Leases of other nodes that this node knows of. All nodes of a cluster should agree.',
    registers,
  })
  const programmed = new Gauge({
    name: 'flannel_peers_programmed',
    help:
      'Other nodes that the kernel of this node can send packets to. ' +
      'Below flannel_leases for more than some seconds: some nodes cannot be reached.',
    registers,
  })
  const delay = new Histogram({
    name: 'flannel_event_to_kernel_seconds',
    help: 'Time from learning that another node has come, gone or changed until the kernel has it.',
    buckets: secondsBuckets,
    registers,
  })
  return {
    leases: (count) => leases.set(count),
    peersProgrammed: (count) => programmed.set(count),
    eventReachedKernel: (seconds) => delay.observe(seconds),
  }
}

type TroubleMetrics = Pick<Metrics, 'driftRepaired' | 'watchReconnected' | 'failed'>

function addTroubles({ client: { Counter }, registers }: Owner): TroubleMetrics {
  const drift = new Counter({
    name: 'flannel_drift_repaired_total',
    help:
      'Things that were missing from the kernel or changed by another program, and were put right, ' +
      'by kind. It grows all the time: two programs fight over one thing.',
    labelNames: ['kind'],
    registers,
  })
  for (const kind of driftKinds) drift.inc({ kind }, 0) // so that the first one is a rise
  const reconnects = new Counter({
    name: 'flannel_watch_reconnects_total',
    help: 'Times that the connection which brings news of other nodes was lost and made again.',
    registers,
  })
  const errors = new Counter({
    name: 'flannel_errors_total',
    help: 'Operations that failed, by operation; the log says why. Most are tried again.',
    labelNames: ['operation'],
    registers,
  })
  return {
    driftRepaired: (kind, count) => drift.inc({ kind }, count),
    watchReconnected: () => reconnects.inc(),
    failed: (operation) => errors.inc({ operation }),
  }
}

function addBuild({ client: { Gauge }, registers }: Owner, version: string): void {
  const build = new Gauge({
    name: 'flannel_build_info',
    help: 'Always 1; its label says which version of flannel-ts runs.',
    labelNames: ['version'],
    registers,
  })
  build.set({ version }, 1)
}

/** Under the names that prom-client and others use; the process is asked when the page is. */
function addProcess(
  { client: { Counter, Gauge }, registers }: Owner,
  usage: () => ProcessUsage,
): void {
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the agent that is in RAM.',
    registers,
    collect() {
      this.set(usage().residentBytes)
    },
  })
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the agent, user and system.',
    registers,
    collect() {
      this.reset()
      this.inc(usage().cpuSeconds)
    },
  })
}

/**
 * The parts of prom-client that are used. All of it loads HTTPS and zlib too, to push metrics to
 * others: 28 ms and 14 MB, instead of 2 ms and 1.6 MB.
 */
async function loadClient() {
  const [counter, gauge, histogram, registry] = await Promise.all([
    import('prom-client/lib/counter.js'),
    import('prom-client/lib/gauge.js'),
    import('prom-client/lib/histogram.js'),
    import('prom-client/lib/registry.js'),
  ])
  return {
    Counter: counter.default,
    Gauge: gauge.default,
    Histogram: histogram.default,
    Registry: registry.default,
  }
}
