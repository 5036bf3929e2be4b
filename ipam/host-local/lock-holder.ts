/** Who keeps others waiting for a lock. */
import { readFileSync, statSync } from 'node:fs'
import { errorText } from '../../lib/base/errors.ts'

/**
 * The process IDs that /proc/locks (proc_locks(5)) names as holding a flock(2) on the inode. A
 * line reads `1: FLOCK  ADVISORY  WRITE 708 fd:00:13107 0 EOF`; those that wait have `->` in it.
 */
export function flockHolders(locks: string, inode: number): number[] {
  return locks.split('\n').flatMap((line) => {
    const [, type, , , pid, file] = line.split(/\s+/)
    return type === 'FLOCK' && file?.split(':')[2] === String(inode) ? [Number(pid)] : []
  })
}

/** The processes that hold a flock(2) on the file, in words. */
export function describeHolders(path: string): string {
  try {
    const pids = flockHolders(readFileSync('/proc/locks', 'utf8'), statSync(path).ino)
    // A process of another PID namespace has no number here: 0, or -1; one of another machine none.
    const known = pids.filter((pid) => pid > 0)
    if (known.length > 0) return known.map(describeProcess).join(' and ')
    return 'a process that is not visible here, in a container or on another machine'
  } catch (error) {
    return `an unknown process (${errorText(error)})`
  }
}

function describeProcess(pid: number): string {
  return `process ${pid} (${commandOf(pid)})`
}

function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim()
    return words === '' ? readFileSync(`/proc/${pid}/comm`, 'utf8').trim() : words.slice(0, 100)
  } catch {
    return 'just ended' // it released the lock a moment after this call gave up
  }
}
