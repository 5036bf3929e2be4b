/**
 * A temporary folder that every user can enter. The clone under test need not be one: it may stand
 * below a folder that only root enters, and may have been made with any umask.
 */
import { chmodSync, copyFileSync, linkSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { hasCode } from '../../lib/base/errors.ts'
import type { Scope } from '../../scripts/lab/node.ts'

/**
 * Makes a folder that every user can enter, with these executables in it by their own names, and
 * removes it with the scope. Throws when there is no place for one.
 */
export function makePublicFolder(scope: Scope, executables: readonly string[] = []): string {
  const folder = mkdtempSync(join(publicParent(), `cnits-${process.pid}-`))
  scope.teardown(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  for (const executable of executables) put(executable, join(folder, basename(executable)))
  return folder
}

/**
 * The command line that runs `argv` as user and group 65534, without any variable: those of tap
 * would have Node load files of the clone.
 */
export function asNobody(argv: readonly string[]): string[] {
  const ids = ['--reuid=65534', '--regid=65534', '--clear-groups']
  return ['setpriv', ...ids, '--', 'env', '--ignore-environment', ...argv]
}

/** A folder for temporary files, all of whose parents every user can enter. */
function publicParent(): string {
  const candidates = [tmpdir(), '/tmp', '/var/tmp']
  const found = candidates.find((path) => isPublic(path))
  if (found !== undefined) return found
  throw new Error(`none of ${candidates.join(', ')} can be entered by every user; set TMPDIR`)
}

function isPublic(path: string): boolean {
  const { mode } = statSync(path)
  return (mode & 0o001) !== 0 && (path === '/' || isPublic(dirname(path)))
}

/** A link, where one is possible and would do: executables have 150 MB. */
function put(executable: string, path: string): void {
  const isForAll = (statSync(executable).mode & 0o005) === 0o005
  if (isForAll && link(executable, path)) return
  copyFileSync(executable, path)
  chmodSync(path, 0o755)
}

/** False when the folders are on different file systems. */
function link(executable: string, path: string): boolean {
  try {
    linkSync(executable, path)
    return true
  } catch (error) {
    if (hasCode(error, 'EXDEV', 'EPERM')) return false
    throw error
  }
}
