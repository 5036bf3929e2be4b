/** What the agent does and takes while it runs: memory, CPU, changes of leases, and repairs. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import type { Node } from '../../lab/node.ts'
import { inside, run } from '../../lab/run.ts'
import { percentile } from '../statistics.ts'
import type { Table } from '../table.ts'
import { AgentProcess } from './agent-process.ts'
import { peers } from './peers.ts'
import { addNode, ip, type PeerCount, prefixOf, rowOf, type Site, sizes, vtep } from './site.ts'
import type { AgentSize } from './size.ts'

export const memoryTitle = 'memory'
export const idleTitle = 'nothing changes'
export const leaseTitle = 'a lease while it runs, from its put to the route'
export const driftTitle = 'a route that is deleted by hand, until it is back'

/** By then the agent has given back what only its start needed. */
const settledMs = 40_000
/** Between changes of leases. */
const pauseMs = 20

interface Running {
  readonly size: PeerCount
  readonly node: Node
  readonly agent: AgentProcess
}

/** Measures agents of networks of all sizes, each on its node. */
export async function* measureSteady(site: Site, size: AgentSize): AsyncGenerator<Table> {
  await using stack = new AsyncDisposableStack()
  const all: Running[] = []
  for (const size of sizes) {
    const node = addNode(stack, site, size)
    const agent = new AgentProcess(stack, site, node, size)
    await agent.ready()
    await agent.routed(size)
    all.push({ size, node, agent })
  }
  await setTimeout(settledMs, undefined, { signal: site.signal })
  yield {
    title: memoryTitle,
    how: `${settledMs / 1000} s after the start`,
    rows: all.map(({ size, agent }) => ({ name: rowOf(size), values: agent.memory() })),
    notes: [
      "files' MB: shared with all processes of the executable, and part of the resident ones",
    ],
  }
  yield await measureIdle(site, all, size.idleSeconds)
  const [, thousand] = all
  if (thousand === undefined) return
  yield await measureLeases(site, thousand, size.leases)
  yield await measureDrift(site, thousand, size.drifts)
}

async function measureIdle(site: Site, all: readonly Running[], seconds: number): Promise<Table> {
  const before = all.map(({ agent }) => agent.cpuMs())
  await setTimeout(seconds * 1000, undefined, { signal: site.signal })
  const rows = all.map(({ size, agent }, index) => {
    const cpuMs = agent.cpuMs() - (before[index] ?? NaN)
    return { name: rowOf(size), values: { 'CPU %': cpuMs / seconds / 10 } }
  })
  return { title: idleTitle, how: `of a core, in ${seconds} s`, rows }
}

async function measureLeases(site: Site, running: Running, count: number): Promise<Table> {
  const { node, agent, size } = running
  const monitor = spawn('ip', ['-n', node.name, '-ts', '-o', 'monitor', 'route'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(monitor, 'exit')
  const output = text(monitor.stdout)
  const before = agent.cpuMs()
  let puts: ReadonlyMap<string, number>
  try {
    await setTimeout(500, undefined, { signal: site.signal }) // it listens
    puts = await putLeases(site, size, count)
    await setTimeout(500, undefined, { signal: site.signal }) // all are removed
  } finally {
    monitor.kill()
    await ended
  }
  const cpuMs = agent.cpuMs() - before
  const routes = addedRoutes(await output)
  const delays = [...puts].map(([ip, put]) => (routes.get(ip) ?? NaN) - put)
  const missing = delays.filter(Number.isNaN).length
  if (missing > 0) throw new Error(`${missing} of ${count} leases got no route`)
  const values = {
    'p50 ms': percentile(delays, 50),
    'p99 ms': percentile(delays, 99),
    'CPU ms': cpuMs / count,
  }
  return {
    title: leaseTitle,
    how: `${count} one by one; CPU per lease put and removed`,
    rows: [{ name: rowOf(size), values }],
  }
}

/** Puts leases beyond those of a network, and removes them; when each put began, by its address. */
async function putLeases(site: Site, size: PeerCount, count: number): Promise<Map<string, number>> {
  const program = join(import.meta.dirname, 'put-leases.ts')
  const words = [site.etcd.url, prefixOf(size), size, count, pauseMs].map(String)
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', program]
  const { code, stdout, stderr } = await run(inside(site.hub.netns, [...node, ...words]))
  if (code !== 0) throw new Error(`${program}: ${stderr}`)
  const lines = stdout.trim().split('\n')
  return new Map(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]))
}

/** When `ip -ts -o monitor route` has told of each new route, in ms, by its first address: pure. */
export function addedRoutes(output: string): Map<string, number> {
  const told = /^\[(\S+?)(\.\d+)\] (?:\[ROUTE\])?([\d.]+)\/24 /gm
  const found = output.matchAll(told).map(([, time = '', fraction = '', ip = '']) => {
    return [ip, Date.parse(time) + Number(fraction) * 1000] as const
  })
  return new Map(found)
}

async function measureDrift(site: Site, running: Running, count: number): Promise<Table> {
  const { node, agent, size } = running
  const delays: number[] = []
  for (const [index, { ip: address }] of peers(count).entries()) {
    // The agent looks several times a second: deletions are to be at all times between.
    await setTimeout((index * 73) % 250, undefined, { signal: site.signal })
    ip(node, `route delete ${address}/24 dev ${vtep}`)
    const start = performance.now()
    const isBack = () => ip(node, `route show ${address}/24`) !== ''
    await agent.until(`the route to ${address}`, 5, isBack)
    delays.push(performance.now() - start)
  }
  const values = { 'p50 ms': percentile(delays, 50), 'most ms': Math.max(...delays) }
  return {
    title: driftTitle,
    how: `${count} one by one`,
    rows: [{ name: rowOf(size), values }],
  }
}
