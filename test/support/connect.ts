import { Netns } from '../../lib/linux/netns.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import type { Namespace, Scope } from '../../scripts/lab/node.ts'

/** A netlink connection into a namespace, closed with the scope. */
export function connect(scope: Scope, { netns: path }: Namespace): Connection {
  using netns = Netns.open(path)
  const connection = Connection.openIn(netns)
  scope.teardown(() => connection[Symbol.dispose]())
  return connection
}
