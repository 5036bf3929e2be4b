import { closeSync, fsyncSync, openSync } from 'node:fs'

/** fsync(2) for a file, or for the names in a folder. */
export function syncPath(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
