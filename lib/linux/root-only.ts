/** Who can change what is found at a path. */
import { type BigIntStats, lstatSync, readlinkSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** MAXSYMLINKS of linux/namei.h. */
const maxLinks = 40

const stickyBit = 0o1000n
const writableByOthers = 0o022n

/**
 * Why somebody other than root could decide what is found at an absolute path: one of the folders
 * and symbolic links on the way to it, or what it leads to, is another user's, or others can write
 * it. Undefined when root alone decides. In a folder where all may make files, such as /tmp, only
 * root's folders are root's work: of a file, anybody can make a hard link there. Throws Node's
 * system errors, `ENOENT` when there is nothing.
 */
export function distrust(path: string): string | undefined {
  const names = path.split('/')
  let at = '/'
  let isOpen = false
  let links = 0
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const next = name === '..' ? dirname(at) : join(at, name)
    const stat = lstatSync(next, { bigint: true })
    const reason = judge(next, stat)
    if (reason !== undefined) return reason
    if (isOpen && !stat.isDirectory()) return `anybody can make files in ${at}`
    if (stat.isSymbolicLink()) {
      const target = readlinkSync(next)
      names.unshift(...target.split('/'))
      if (target.startsWith('/')) at = '/'
      links++
      if (links > maxLinks) return `${next} is one of more than ${maxLinks} links`
    } else {
      at = next
    }
    isOpen = isWritable(lstatSync(at, { bigint: true }))
  }
  return isSame(at, path) ? undefined : `${path} leads to another file than its links say`
}

function judge(path: string, stat: BigIntStats): string | undefined {
  if (stat.uid !== 0n) return `${path} belongs to user ${stat.uid}`
  // nobody but the owner renames or removes what is in a sticky folder
  const isSticky = stat.isDirectory() && (stat.mode & stickyBit) !== 0n
  if (stat.isSymbolicLink() || isSticky || !isWritable(stat)) return undefined
  return `others than root can write ${path}`
}

function isWritable({ mode }: BigIntStats): boolean {
  return (mode & writableByOthers) !== 0n
}

/** False for what has passed a link of /proc, which leads past the folders that it names. */
function isSame(a: string, b: string): boolean {
  const [one, two] = [statSync(a, { bigint: true }), statSync(b, { bigint: true })]
  return one.dev === two.dev && one.ino === two.ino
}
