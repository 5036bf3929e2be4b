/** What tells from outside whether a network namespace is still there. */
import { lstatSync, readdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorText, hasCode } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

/**
 * Whether there is nothing at a path in a folder that exists. It proves nothing when the folder is
 * missing too: other programs see another /run then, or it is `/proc/PID/ns`, which goes with any
 * one process of the sandbox.
 */
export function hasVanished(path: string): boolean {
  try {
    lstatSync(path)
    return false
  } catch (error) {
    return hasCode(error, 'ENOENT') && isFolder(dirname(path))
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false // cannot be looked at, which proves as little as a missing one
  }
}

/** By the inode numbers of network namespaces: the paths to them of the processes that are there. */
export function inhabitedNamespaces(log: Log): Map<number, string[]> {
  const namespaces = new Map<number, string[]>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const path = `/proc/${pid}/ns/net`
    const inode = inodeOf(path, log)
    if (inode !== undefined) namespaces.getOrInsert(inode, []).push(path)
  }
  return namespaces
}

function inodeOf(path: string, log: Log): number | undefined {
  try {
    return statSync(path).ino
  } catch (error) {
    // It has ended since; or it has more rights than this process, and then it is no pod's.
    if (!hasCode(error, 'ENOENT', 'ESRCH')) log.debug(errorText(error))
    return undefined
  }
}
