/** A node of etcd's that watches the leases of the others. */
import type { Scope } from '../../scripts/lab/node.ts'
import { Etcd } from '../../scripts/lab/etcd.ts'
import { EtcdNode, leases, valueOf } from './etcd-node.ts'
import { EtcdProxy } from './etcd-proxy.ts'
import { eventually } from './eventually.ts'

/** An etcd behind a proxy, and a node with a lease that watches the others by the proxy. */
export async function startWatching(scope: Scope) {
  const etcd = await Etcd.start(scope)
  etcd.ctl('put', '/net/config', '{"Network": "10.3.0.0/16"}')
  putLease(etcd, 2)
  const proxy = await EtcdProxy.start(scope, etcd.url)
  const node = new EtcdNode(scope, 1, [proxy.url])
  await node.acquire('10.3.1.1/24')
  const seen = node.watch(scope)
  await eventually('a first list of leases', () => seen.length > 0)
  return { etcd, proxy, node, seen }
}

/** Puts the lease of the node with this last number. */
export function putLease(etcd: Etcd, number: number, value = valueOf(number)): void {
  etcd.ctl('put', `${leases}10.3.${number}.0-24`, value)
}

/** Removes it. */
export function removeLease(etcd: Etcd, number: number): void {
  etcd.ctl('del', `${leases}10.3.${number}.0-24`)
}

/** Waits for the last of what is seen, and returns all from the place on. */
export async function until(
  seen: readonly string[],
  last: string,
  from = 0,
): Promise<readonly string[]> {
  await eventually(last, () => seen.slice(from).includes(last))
  return seen.slice(from)
}

/** What is seen when the lease of this node is put. */
export const putLine = (number: number) => `put 10.3.${number}.0-24 192.0.2.${number}`
