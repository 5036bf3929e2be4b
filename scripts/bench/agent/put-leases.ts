/**
 * Puts leases one by one, and removes them, as flanneld's client does it: a program of its own, in the
 * namespace of etcd. It prints the first address of each subnet, and when its put began, in ms.
 */
import { setTimeout } from 'node:timers/promises'
import { EtcdClient } from '../../../flanneld/subnet/etcd/client.ts'
import { leaseOf, peers } from './peers.ts'

const [url = '', prefix = '', first = '', count = '', pause = ''] = process.argv.slice(2)

using client = new EtcdClient({ endpoints: [url] })
const all = peers(Number(count), Number(first))
await client.get(prefix) // connects
for (const peer of all) {
  const start = performance.timeOrigin + performance.now()
  await client.put(...leaseOf(prefix, peer))
  console.log(`${peer.ip} ${start}`)
  await setTimeout(Number(pause))
}
for (const peer of all) {
  await client.delete(leaseOf(prefix, peer)[0])
  await setTimeout(Number(pause))
}
