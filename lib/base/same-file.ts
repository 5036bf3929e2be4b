import { statSync } from 'node:fs'

/** Whether two paths are one file. */
export function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((file) =>
    statSync(file, { bigint: true, throwIfNoEntry: false }),
  )
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino
}
