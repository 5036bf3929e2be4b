/** The agent in a process of its own: command line, signals, exit codes. */
import { writeFileSync } from 'node:fs'
import { DetailedError, fullText } from '../lib/base/errors.ts'
import { version } from '../lib/base/version.ts'
import { endProcess, keepHeapSmall, trimHeap } from '../lib/linux/libc.ts'
import { writeAll } from '../lib/linux/stdio.ts'
import { Connection } from '../lib/netlink/connection.ts'
import { groups, Subscription } from '../lib/netlink/subscription.ts'
import { Agent } from './agent.ts'
import { FlagError } from './flags.ts'
import { HealthServer } from './health.ts'
import { type AgentLog, createAgentLog } from './log.ts'
import { type Metrics, noMetrics } from './metrics.ts'
import { createMetrics, type MetricsPage } from './metrics-registry.ts'
import { createNotifier } from './notify.ts'
import { HelpRequest, type Options, parseOptions, usage } from './options.ts'
import { connectEtcd } from './subnet/etcd/connect.ts'
import { EtcdSubnetManager } from './subnet/etcd/manager.ts'

/** Exit codes: upstream's, but for a command line that is not understood, where it has 0. */
const exitCode = { ended: 0, failed: 1, misused: 2 } as const

/** So many ms after its start an agent has usually done all that it does then. */
const settledMs = 20_000

/** Runs the agent that the command line asks for, and ends the process. */
export async function runProcess(): Promise<void> {
  keepHeapYoungSmall()
  keepHeapSmall()
  writeFileSync('/proc/self/comm', 'flanneld') // for ps and pgrep, who else see MainThread
  const code = await run(process.argv.slice(2))
  // Threads are not waited for: a program that hangs would hold them for half a minute.
  endProcess(code)
}

/**
 * Most of what an event brings is garbage at once. In a larger part for what is young, V8 lets it
 * lie for longer: 155 MB instead of 80 after 80,000 events.
 */
function keepHeapYoungSmall(): void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1')
}

/**
 * Gives back what the start has left: the leases have been read, and the rules are in place. Without
 * it V8 and malloc keep 30 MB for the next time, which may never come.
 */
function giveBackMemory(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8')
  setFlagsFromString('--expose-gc')
  const collect: unknown = process.getBuiltinModule('node:vm').runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect()
  trimHeap()
}

async function run(words: readonly string[]): Promise<number> {
  const warnings: string[] = []
  let options: Options
  try {
    options = parseOptions(words, process.env, (message) => warnings.push(message))
  } catch (error) {
    if (error instanceof HelpRequest) return say(exitCode.ended, usage())
    if (error instanceof FlagError) return say(exitCode.misused, `${error.message}\n${usage()}`)
    return say(exitCode.failed, `${fullText(error)}\n`)
  }
  if (options.version) return say(exitCode.ended, `${version}\n`)
  const log = createAgentLog({
    verbosity: options.v,
    pid: process.pid,
    now: () => performance.timeOrigin + performance.now(),
    write: (text) => writeAll(2, text),
  })
  for (const warning of warnings) log.warn(warning)
  return runAgent(options, log)
}

function say(code: number, text: string): number {
  writeAll(2, text)
  return code
}

async function runAgent(options: Options, log: AgentLog): Promise<number> {
  const stop = stopSignal(log)
  try {
    log.info(`flanneld ${version} started with ${describeOptions(options)}`)
    await serve(options, log, stop)
    log.info('Exiting cleanly...')
    return exitCode.ended
  } catch (error) {
    if (stop.aborted) return exitCode.ended
    log.error(fullText(error))
    return exitCode.failed
  }
}

/** Is aborted by the first signal that asks to stop; the second one ends the process at once. */
function stopSignal(log: AgentLog): AbortSignal {
  const controller = new AbortController()
  const stop = (signal: NodeJS.Signals) => {
    for (const each of ['SIGINT', 'SIGTERM'] as const) process.removeListener(each, stop)
    log.info(`${signal}: stopping; devices, routes and rules stay as they are`)
    controller.abort(new DetailedError('stopped', signal))
  }
  for (const each of ['SIGINT', 'SIGTERM'] as const) process.on(each, stop)
  return controller.signal
}

async function serve(options: Options, log: AgentLog, signal: AbortSignal): Promise<void> {
  refuseKubernetes(options)
  await using stack = new AsyncDisposableStack()
  // From here on the kernel's news are kept, whatever is read later.
  const subscription = stack.use(Subscription.open(...Object.values(groups)))
  const connection = stack.use(Connection.open())
  const monitoring = await startMetrics(options)
  const client = stack.use(connectEtcd(options))
  const notifier = createNotifier(process.env, log)
  const manager = new EtcdSubnetManager({
    ...{ client, log },
    prefix: options['etcd-prefix'],
    renewMarginMinutes: options['subnet-lease-renew-margin'],
    hooks: {
      onReconnect: () => monitoring.metrics.watchReconnected(),
      onError: (operation) => monitoring.metrics.failed(operation),
    },
  })
  const agent = new Agent({
    ...{ options, manager, connection, subscription, log, notifier },
    metrics: monitoring.metrics,
    searchPath: process.env['PATH'] ?? '',
    entry: process.argv[1] ?? '',
  })
  if (monitoring.page !== undefined) {
    const { 'healthz-ip': ip, 'healthz-port': port } = options
    const isReady = () => agent.isReady
    stack.use(await HealthServer.listen({ ip, port, isReady, metrics: monitoring.page, log }))
  }
  stack.defer(() => notifier.stopping())
  const timer = setTimeout(giveBackMemory, settledMs)
  stack.defer(() => clearTimeout(timer))
  await agent.run(signal)
}

function refuseKubernetes(options: Options): void {
  if (!options['kube-subnet-mgr']) return
  const details = 'leave --kube-subnet-mgr out: leases are kept in etcd (--etcd-endpoints)'
  throw new DetailedError('leases from Kubernetes are not there yet', details)
}

interface Monitoring {
  readonly metrics: Metrics
  /** Absent when nobody can ask for it. */
  readonly page?: MetricsPage
}

async function startMetrics(options: Options): Promise<Monitoring> {
  if (options['healthz-port'] === 0) return { metrics: noMetrics }
  const metrics = await createMetrics({ version, usage: processUsage })
  return { metrics, page: metrics }
}

function processUsage() {
  const { user, system } = process.cpuUsage() // in microseconds
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 }
}

/** Without the password. */
function describeOptions(options: Options): string {
  const shown = Object.entries(options).filter(([name]) => name !== 'etcd-password')
  return shown.map(([name, value]) => `--${name}=${value}`).join(' ')
}
