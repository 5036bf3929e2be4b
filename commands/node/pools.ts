/** The pools of addresses that networks of this node have, and how full they are. */
import { existsSync } from 'node:fs'
import { type Usage, usageOf } from '../../ipam/host-local/allocator.ts'
import { parseConf } from '../../ipam/host-local/conf.ts'
import { DiskStore } from '../../ipam/host-local/disk-store.ts'
import { ThisMachine } from '../../ipam/host-local/machine.ts'
import type { Owner } from '../../ipam/host-local/owner.ts'
import { formatRangeSet } from '../../ipam/host-local/range.ts'
import { ownersThatStay } from '../../ipam/host-local/reclaim.ts'
import type { Log } from '../../lib/base/log.ts'
import type { NetworkConfigList } from '../../lib/libcni/conf-list.ts'
import { hostLocalRequests } from './host-local-confs.ts'

/** How full the range sets of a network are. Throws what `hostLocalRequests` does. */
export function usagesOf(list: NetworkConfigList, log: Log): Usage[] {
  return hostLocalRequests(list).flatMap((request) => {
    const { directory, rangeSets } = parseConf(request, log)
    const owners = readOwners(directory, log)
    return rangeSets.map((set) => usageOf(set, owners))
  })
}

function readOwners(directory: string, log: Log): Map<string, Owner> {
  if (!existsSync(directory)) return new Map()
  const machine = new ThisMachine(log)
  // Random bytes name files that are written; this only reads.
  const store = new DiskStore(directory, machine, { log, randomBytes: (n) => new Uint8Array(n) })
  return ownersThatStay(store, (sandbox) => store.sandboxes.isGone(sandbox))
}

/** A line for a pool of which less than a tenth is left; undefined for any other. */
export function shortage(network: string, { set, inUse, capacity }: Usage): string | undefined {
  if (inUse * 10n <= capacity * 9n) return undefined
  const figures = `${inUse} of ${capacity} addresses of ${formatRangeSet(set)} in use`
  const outcome = inUse < capacity ? '' : ': no other pod gets one until one of them is released'
  return `${network}: ${figures}${outcome}`
}
