/** Where the node's own programs are searched. They run as root, so nobody else may choose them. */
import { accessSync, constants, statSync } from 'node:fs'
import { errorText, hasCode } from '../base/errors.ts'
import { distrust } from '../linux/root-only.ts'

/** Where a node has its programs; the last one is NixOS'. */
export const toolFolders: readonly string[] = [
  '/usr/sbin',
  '/sbin',
  '/usr/bin',
  '/bin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/run/current-system/sw/bin',
]

export interface ToolSearch {
  /** The executable file; undefined when there is none. */
  readonly file: string | undefined
  /** The folders that were searched, in their order. */
  readonly folders: readonly string[]
  /** What of the search path was passed over, each with the reason. */
  readonly passedOver: readonly string[]
}

/**
 * Searches a program in `toolFolders`, and then in the folders of `path`, a PATH as environments
 * have it: in those that nobody but root can change. Distributions of Kubernetes bring programs
 * along in folders of their own, and name these there.
 */
export function searchTool(name: string, path: string): ToolSearch {
  const file = toolFolders.map((folder) => `${folder}/${name}`).find(isExecutable)
  if (file !== undefined) return { file, folders: toolFolders, passedOver: [] }
  const entries = [...new Set(path.split(':'))].filter((entry) => !toolFolders.includes(entry))
  const judged = entries.map((entry) => ({ entry, reason: folderReason(entry) }))
  const folders = judged.flatMap(({ entry, reason }) => (reason === undefined ? [entry] : []))
  const found = folders
    .map((folder) => `${folder}/${name}`)
    .filter(isExecutable)
    .map((each) => ({ entry: each, reason: reasonAgainst(each) }))
  return {
    file: found.find(({ reason }) => reason === undefined)?.entry,
    folders: [...toolFolders, ...folders],
    passedOver: [...judged, ...found].flatMap(({ entry, reason }) =>
      reason === undefined ? [] : [`${JSON.stringify(entry)} (${reason})`],
    ),
  }
}

function folderReason(entry: string): string | undefined {
  return entry.startsWith('/') ? reasonAgainst(entry) : 'no absolute path'
}

/** Why nothing is run from a path; undefined when something may, or when there is nothing. */
function reasonAgainst(path: string): string | undefined {
  try {
    return distrust(path)
  } catch (error) {
    return hasCode(error, 'ENOENT') ? undefined : errorText(error)
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // whatever keeps it from being looked at keeps it from being run
  }
}
