/** What tests leave behind when they are killed: namespaces and folders named after processes. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const namespaces = '/run/netns'
// As scripts/lab/node.ts names them: the process, and something unique.
const pattern = /^cnits-(\d+)-\w+$/

/** Removes what belongs to processes that are gone, and returns the paths. */
export function removeLeftovers(): string[] {
  const stale = [...leftIn(namespaces), ...leftIn(tmpdir())]
  for (const path of stale) {
    if (path.startsWith(namespaces))
      execFileSync('ip', ['netns', 'delete', path.slice(namespaces.length + 1)])
    else rmSync(path, { recursive: true })
  }
  return stale
}

function leftIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => {
      const pid = pattern.exec(name)?.[1]
      return pid !== undefined && !existsSync(`/proc/${pid}`)
    })
    .map((name) => join(folder, name))
}
