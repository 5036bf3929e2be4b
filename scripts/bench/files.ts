/** Files on disk: the folder of the benchmark, and executables as after a boot. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runSync } from '../lab/run.ts'

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

/**
 * Writes files to disk and has the kernel forget them, so that the next run reads them as after a boot.
 * How a file came into memory decides in what pieces it is mapped: an executable that was written
 * just now had 69 MB of memory in one call, and 49 MB once it had been read from disk.
 */
export function forgetFiles(files: readonly string[]): void {
  for (const file of files) {
    runSync(['sync', file])
    runSync(['dd', `if=${file}`, 'iflag=nocache', 'count=0', 'status=none'])
  }
}
