/** How long the agent takes from its start to subnet.env, and until it reaches all peers. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Node } from '../../lab/node.ts'
import { inside, runSync } from '../../lab/run.ts'
import { percentile } from '../statistics.ts'
import type { Row, Table, Values } from '../table.ts'
import { AgentProcess } from './agent-process.ts'
import { bridgeBatch, ipBatch, peers } from './peers.ts'
import { addNode, ip, type PeerCount, prefixOf, rowOf, type Site, sizes, vtep } from './site.ts'

export const startTitle = 'start without peers, to subnet.env'
export const peersTitle = 'start with peers, until all are reached'

export const kinds = { fresh: 'from nothing', again: 'device, rules and lease are there' } as const

/** Starts of a node's first agent, and of the next one, in turn. */
export async function measureStarts(site: Site, rounds: number): Promise<Table> {
  const fresh: Values[] = []
  const again: Values[] = []
  for (let round = 0; round < rounds; round++) {
    await using stack = new AsyncDisposableStack()
    site.etcd.ctl('del', '--prefix', `${prefixOf(0)}/subnets/`)
    const node = addNode(stack, site, 0)
    for (const list of [fresh, again]) {
      const agent = new AgentProcess(stack, site, node, 0)
      const ms = await agent.ready()
      list.push({ ms, 'CPU ms': agent.cpuMs() })
      await agent.end()
    }
  }
  return {
    title: startTitle,
    how: `median of ${rounds}; CPU with that of iptables, told in steps of 10 ms`,
    rows: [
      { name: kinds.fresh, values: medians(fresh) },
      { name: kinds.again, values: medians(again) },
    ],
  }
}

/** Starts on nodes that have nothing, and what iproute2 takes for the same entries, in turn. */
export async function measurePeers(site: Site, rounds: number): Promise<Table> {
  const rows: Row[] = []
  for (const size of sizes.filter((each) => each > 0)) {
    const measured: Values[] = []
    for (let round = 0; round < rounds; round++) {
      measured.push({ ...(await startWithPeers(site, size)), ...(await byBatch(site, size)) })
    }
    const ratios = measured.map((each) => ({
      ...each,
      ratio: (each['after subnet.env'] ?? NaN) / (each['iproute2'] ?? NaN),
    }))
    rows.push({ name: rowOf(size), values: medians(ratios) })
  }
  return {
    title: peersTitle,
    how: `ms, median of ${rounds}`,
    rows,
    notes: ['iproute2: ip -batch and bridge -batch for the same entries on a new device'],
  }
}

async function startWithPeers(site: Site, size: PeerCount): Promise<Values> {
  await using stack = new AsyncDisposableStack()
  const node = addNode(stack, site, size)
  const agent = new AgentProcess(stack, site, node, size)
  const ready = await agent.ready()
  const all = await agent.routed(size)
  const values = { all, 'CPU ms': agent.cpuMs(), 'after subnet.env': all - ready }
  requireEntries(node, size)
  return values
}

async function byBatch(site: Site, size: PeerCount): Promise<Values> {
  await using stack = new AsyncDisposableStack()
  const node = addNode(stack, site, size)
  ip(node, `link add ${vtep} type vxlan id 1 dstport 8472 local 192.0.2.1 nolearning`)
  ip(node, `address add 10.200.0.0/32 dev ${vtep}`)
  ip(node, `link set ${vtep} up`)
  const batches = { ip: ipBatch(peers(size), vtep), bridge: bridgeBatch(peers(size), vtep) }
  const commands = Object.entries(batches).map(([program, text]) => {
    const file = join(node.dir, program)
    writeFileSync(file, text)
    return inside(node.netns, [program, '-batch', file])
  })
  const start = performance.now()
  for (const command of commands) runSync(command)
  const values = { iproute2: performance.now() - start }
  requireEntries(node, size)
  return values
}

/** Throws unless the node has a route, a neighbour and an FDB entry for each of so many peers. */
function requireEntries(node: Node, size: PeerCount): void {
  const commands = [
    ['ip', '-j', 'route', 'show', 'dev', vtep],
    ['ip', '-j', 'neigh', 'show', 'dev', vtep, 'nud', 'permanent'],
    ['bridge', '-j', 'fdb', 'show', 'dev', vtep],
  ]
  for (const command of commands) {
    const entries: unknown = JSON.parse(runSync(inside(node.netns, command)))
    if (Array.isArray(entries) && entries.length === size) continue
    const found = Array.isArray(entries) ? entries.length : 'no list'
    throw new Error(`${command.join(' ')}: ${found}, expected ${size}`)
  }
}

function medians(all: readonly Values[]): Values {
  const names = Object.keys(all[0] ?? {})
  const median = (name: string) =>
    percentile(
      all.map((values) => values[name] ?? NaN),
      50,
    )
  return Object.fromEntries(names.map((name) => [name, median(name)]))
}
