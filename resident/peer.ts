/** Whose calls a server takes: those that it would serve as the caller's own process would. */
import { readlinkSync, statSync } from 'node:fs'
import { peerCredentials } from '../lib/linux/unix-socket.ts'

/** The namespaces in which a plugin looks at paths, processes, users and the host's interfaces. */
const kinds = ['net', 'mnt', 'pid', 'user'] as const

/** What a process sees of the machine. */
export interface Surroundings {
  readonly namespaces: readonly string[]
  /** Its root directory, as `device:inode`. */
  readonly root: string
}

/** The surroundings of a process by its PID, or of the caller's. Throws when it has ended. */
export function surroundingsOf(pid: number | 'self'): Surroundings {
  const root = statSync(`/proc/${pid}/root/`)
  return {
    namespaces: kinds.map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`)),
    root: `${root.dev}:${root.ino}`,
  }
}

/**
 * The PID of the process at the other end of a Unix socket; throws an `Error` that says why its
 * calls are not for a server with surroundings `own`.
 */
export function admitPeer(fd: number, own: Surroundings): number {
  const { pid, uid } = peerCredentials(fd)
  if (uid !== 0) throw new Error(`process ${pid} belongs to user ${uid}; only root is served`)
  // A process of a PID namespace that is not below ours has no number here.
  if (pid === 0) throw new Error('the process is of another PID namespace')
  const theirs = surroundingsOf(pid)
  const other = kinds.find((_, index) => theirs.namespaces[index] !== own.namespaces[index])
  if (other !== undefined) throw new Error(`process ${pid} is of another ${other} namespace`)
  if (theirs.root !== own.root) throw new Error(`process ${pid} has another root directory`)
  return pid
}
