import { stage } from '../../lib/base/stage.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { DiskStore } from './disk-store.ts'
import { withLockDirectory } from './lock-directory.ts'
import { withFlock } from './lock.ts'
import type { Identity } from './machine.ts'

/**
 * Runs `work` on the store in an existing directory while no other host-local, of ours or of Go's,
 * works there. `identity` is this machine's. Throws a `CniError` with code 11 when the others
 * take more than 30 s.
 */
export function withStore<T>(
  directory: string,
  identity: Identity,
  context: Context,
  work: (store: DiskStore) => T,
): T {
  return withFlock(directory, context, (patience) => {
    // The seal is looked at before, and made after, what the second lock does to the directory.
    const store = new DiskStore(directory, identity, context)
    try {
      const run = () =>
        stage('working under the locks', () => {
          store.open()
          return work(store)
        })
      return store.isShared ? withLockDirectory(directory, patience, run) : run()
    } finally {
      store.close()
    }
  })
}
