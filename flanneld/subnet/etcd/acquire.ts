/** Taking a lease: the one that the node has, or the subnet that it had, or a free one. */
import { DetailedError } from '../../../lib/base/errors.ts'
import type { Ip } from '../../../lib/ip/ip.ts'
import { type NetworkConf, parseNetworkConf, subnetRange } from '../../network-conf.ts'
import { untilAborted } from '../../wait.ts'
import { chooseSubnets, describeSubnets, type FamilyRange } from '../choose.ts'
import type { LeaseDemand } from '../manager.ts'
import type { EtcdContext } from './context.ts'
import { readRecords } from './lease-record.ts'
import { OwnLease } from './own-lease.ts'

/** So often another node may be faster. */
const maxTries = 10

/** A configuration that works as it stands. */
const example = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'

/**
 * Reads the configuration. Throws a `DetailedError` when it is not there, when it is not valid, or
 * when etcd cannot hold leases for it.
 */
export async function readConf({ client, keys }: EtcdContext): Promise<NetworkConf> {
  const value = (await client.get(keys.config)).kvs[0]?.value
  if (value === undefined) {
    throw new DetailedError(
      `${keys.config} is not in etcd`,
      `put the configuration there: etcdctl put ${keys.config} '${example}'`,
    )
  }
  const conf = parseNetworkConf(value, keys.config)
  rangesOf(conf, keys.config)
  return conf
}

/** What nodes can have. Throws a `DetailedError` as `readConf` does. */
function rangesOf({ families }: NetworkConf, source: string): FamilyRange[] {
  if (families[0]?.family !== 4) {
    throw new DetailedError(
      `${source}: IPv4 is not enabled, and etcd needs it`,
      'the keys of leases begin with an IPv4 subnet; enable both families, or use kube-subnet-mgr',
    )
  }
  return families.map((each) => ({ family: each.family, ...subnetRange(each) }))
}

/** Takes a lease. Rejects with a `DetailedError` or a `GrpcError`, and when it is aborted. */
export async function acquireLease(
  context: EtcdContext,
  demand: LeaseDemand,
  signal: AbortSignal,
): Promise<OwnLease> {
  const { publicIp } = demand.attributes
  if (publicIp === undefined) {
    throw new DetailedError(
      'this node has no public IPv4 address',
      'etcd’s leases are known by it: give one by --public-ip',
    )
  }
  const ranges = rangesOf(await untilAborted(readConf(context), signal), context.keys.config)
  for (let attempt = 1; attempt <= maxTries; attempt++) {
    const own = await untilAborted(tryToAcquire(context, demand, ranges, publicIp), signal)
    if (own !== undefined) return own
    context.log.info('another node was faster in taking the subnet: trying again')
  }
  throw new DetailedError(
    `other nodes were faster in taking a subnet, ${maxTries} times`,
    'are many nodes starting now, with few subnets left? Start flanneld again later',
  )
}

/** Undefined when another node has taken the subnet since the leases were listed. */
async function tryToAcquire(
  context: EtcdContext,
  { attributes, previous }: LeaseDemand,
  ranges: readonly FamilyRange[],
  publicIp: Ip,
): Promise<OwnLease | undefined> {
  const { client, keys, log } = context
  const records = readRecords(keys.leases, (await client.list(keys.leases)).kvs)
  const leases = records.map(({ lease }) => lease)
  const choice = chooseSubnets({ ranges, publicIp, previous, leases }, random)
  const outdated = records.find(({ lease }) => lease === choice.outdated)
  if (outdated !== undefined) {
    log.warn(`${outdated.kv.key} is not what ${keys.config} allows now: it is deleted`)
    await client.delete(outdated.kv.key)
  }
  const own = new OwnLease(context, choice.subnets, attributes)
  if (choice.lease === undefined) return (await own.take()) ? own : undefined
  await own.settle()
  const what = own.isReservation ? 'the reservation' : 'the lease'
  log.info(`${what} of ${describeSubnets(own.subnets)} is this node’s already`)
  return own
}

function random(below: number): number {
  return Math.floor(Math.random() * below)
}
