/** What is in a folder, as a tree. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Branch } from './tree.ts'

/** Every file and folder below a folder: its permissions, and what is in it or where it leads. */
export function filesIn(folder: string): Branch {
  const names = readdirSync(folder).sort()
  return Object.fromEntries(
    names.map((name) => [name.replaceAll(' ', '%20'), fileState(join(folder, name))]),
  )
}

function fileState(path: string): Branch {
  const stat = lstatSync(path)
  const mode = (stat.mode & 0o7777).toString(8)
  if (stat.isDirectory()) return { mode, ...filesIn(path) }
  if (stat.isSymbolicLink()) return { mode, target: readlinkSync(path) }
  if (!stat.isFile()) return { mode }
  return { mode, content: JSON.stringify(readFileSync(path, 'utf8')) }
}
