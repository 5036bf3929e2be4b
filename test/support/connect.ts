import { Netns } from '../../lib/net/netns.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { Namespace, Scope } from './node.ts'

/** A netlink connection into a namespace, closed with the scope. */
export function connect(scope: Scope, { netns: path }: Namespace): Connection {
  using netns = Netns.open(path)
  const connection = netns.connect()
  scope.teardown(() => connection[Symbol.dispose]())
  return connection
}
