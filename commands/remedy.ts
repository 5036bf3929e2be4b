/** What to do when the system refuses something. */
import { hasCode } from '../lib/base/errors.ts'

/** The remedy for a system error, for the user with this ID; empty when none is known. */
export function remedyFor(error: unknown, userId: number): string {
  if (hasCode(error, 'EACCES', 'EPERM')) {
    return userId === 0
      ? 'lsattr shows whether a file may not be changed; a container may lack a capability'
      : asRoot(userId)
  }
  if (hasCode(error, 'EROFS')) {
    return 'it is mounted read-only: mount it writable, or choose another folder'
  }
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) return 'make space: df -h and df -i show where'
  if (hasCode(error, 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY')) {
    return 'a file stands where a folder should be, or the other way round: move it away'
  }
  if (hasCode(error, 'ENOENT')) return 'make it, or name another path'
  if (hasCode(error, 'ELOOP')) return 'a symbolic link stands where a file should be: move it away'
  return ''
}

/** What to do about a command that needs root. */
export function asRoot(userId: number): string {
  return `run this as root: this is user ${userId}`
}
