/** The page cache: how the kernel holds the files of executables in memory. */
import { runSync } from '../lab/run.ts'

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
