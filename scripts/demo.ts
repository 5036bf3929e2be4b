/**
 * Shows two nodes and their agents, a pod on each, and the path of a packet between them. A node is a
 * network namespace with folders of its own in the usual places, so nothing of this machine is
 * touched.
 */
import { makeCluster } from './demo/cluster.ts'
import { tell } from './demo/story.ts'
import { kernelSkip } from './lab/node.ts'
import { missingProgram } from './lab/run.ts'

const obstacle = kernelSkip() || missingProgram('etcd', 'etcdctl', 'iptables', 'ss', 'tcpdump')
if (obstacle === false) {
  await demo()
} else {
  console.error(`no demo here: ${obstacle}`)
  process.exitCode = 1
}

/** Makes the cluster, and tells its story. What was made is removed, also after SIGINT. */
async function demo(): Promise<void> {
  const removals: (() => unknown)[] = []
  const interrupted = Promise.withResolvers<never>()
  process.once('SIGINT', () => interrupted.reject(new Error('interrupted')))
  const play = async () => {
    await tell(await makeCluster({ teardown: (remove) => removals.unshift(remove) }))
  }
  try {
    await Promise.race([play(), interrupted.promise])
  } finally {
    for (const remove of removals) await remove()
  }
}
