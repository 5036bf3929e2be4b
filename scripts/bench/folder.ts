/** The folder that the state of all contestants is in. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Makes a temporary folder, which is removed with the scope. On ext4 each folder in it gets a block
 * group of its own (`T`, chattr(1)): before ext4 takes an inode for a new file, it passes over
 * every one in the group that was deleted within five minutes, and on a node that is no benchmark
 * there are not those of thousands of other pods.
 */
export function makeBenchFolder(scope: AsyncDisposableStack): string {
  const dir = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-`))
  scope.defer(() => rmSync(dir, { recursive: true }))
  spawnSync('chattr', ['+T', dir]) // other file systems have no such flag, and need none
  return dir
}
