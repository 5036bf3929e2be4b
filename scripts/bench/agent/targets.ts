/** What is aimed at for the agent: pure. */
import { type Table, valueIn } from '../table.ts'
import { atMost, type Target } from '../targets.ts'
import { rowOf, sizes } from './site.ts'
import { kinds, peersTitle, startTitle } from './starts.ts'
import { driftTitle, idleTitle, leaseTitle, memoryTitle } from './steady.ts'

/** The most MB that an agent may have with these numbers of peers. */
const memoryLimits = { 0: 90, 1000: 95, 5000: 110 } as const

/** All targets, with what was measured. */
export function agentTargets(tables: readonly Table[]): Target[] {
  const starts = Object.values(kinds).flatMap((kind) => [
    atMost(260, `start ${kind}, ms`, valueIn(tables, startTitle, kind, 'ms')),
    atMost(117, `its CPU ms`, valueIn(tables, startTitle, kind, 'CPU ms')),
  ])
  const ofPeers = (size: 1000 | 5000, column: string) =>
    valueIn(tables, peersTitle, rowOf(size), column)
  const ofLease = (column: string) => valueIn(tables, leaseTitle, rowOf(1000), column)
  return [
    ...starts,
    atMost(1, '1000 peers to iproute2', ofPeers(1000, 'ratio')),
    atMost(1, '5000 peers to iproute2', ofPeers(5000, 'ratio')),
    atMost(1500, '5000 peers at start, ms', ofPeers(5000, 'all')),
    atMost(1200, 'its CPU ms', ofPeers(5000, 'CPU ms')),
    atMost(5, 'a lease, p50 ms', ofLease('p50 ms')),
    atMost(20, 'a lease, p99 ms', ofLease('p99 ms')),
    atMost(2.8, 'a lease put and removed, CPU ms', ofLease('CPU ms')),
    atMost(1000, 'a deleted route, p50 ms', valueIn(tables, driftTitle, rowOf(1000), 'p50 ms')),
    atMost(0.5, '5000 peers idle, CPU %', valueIn(tables, idleTitle, rowOf(5000), 'CPU %')),
    ...sizes.map((size) => {
      const measured = valueIn(tables, memoryTitle, rowOf(size), 'resident MB')
      return atMost(memoryLimits[size], `memory with ${rowOf(size)}, MB`, measured)
    }),
  ]
}
