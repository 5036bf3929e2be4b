/** Small text files that other programs write: read without trusting them, replaced whole. */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { hasCode } from './errors.ts'

/** Nothing that is read here comes near this size, in bytes. */
const maxBytes = 1024 * 1024

/**
 * The text of a regular file. Throws Node's system errors, and an `Error` when it is no regular
 * file (a FIFO would block for ever) or larger than 1 MiB.
 */
export function readSmallFile(path: string): string {
  return readText(path, 0)
}

/** The same for a file of our own state, which is never a symbolic link. */
export function readStateFile(path: string): string {
  return readText(path, constants.O_NOFOLLOW)
}

function readText(path: string, flags: number): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags)
  try {
    const stat = fstatSync(fd)
    if (stat.isDirectory()) throw new Error(`read ${path}: is a directory`)
    if (!stat.isFile()) throw new Error(`read ${path}: not a regular file`)
    if (stat.size > maxBytes) throw new Error(`read ${path}: larger than ${maxBytes} bytes`)
    // A file of /proc or /sys has no size before it is read.
    const buffer = Buffer.alloc(stat.size === 0 ? maxBytes : stat.size)
    let length = 0
    for (;;) {
      const read = readSync(fd, buffer, length, buffer.length - length, null)
      if (read === 0) return buffer.toString('utf8', 0, length)
      length += read
    }
  } finally {
    closeSync(fd)
  }
}

/**
 * Gives `path` a new content in one step: it is written to `temporary`, in the same folder, and
 * renamed. A `temporary` that an interrupted call left is replaced. Not synced to the disk.
 */
export function replaceFile(path: string, temporary: string, text: string, mode: number): void {
  const fd = openNew(temporary, mode)
  try {
    writeFileSync(fd, text) // a single write may take only a part when the disk is nearly full
    renameSync(temporary, path)
  } catch (error) {
    unlinkIfThere(temporary)
    throw error
  } finally {
    closeSync(fd)
  }
}

/** A new file, in place of what there may be. */
function openNew(path: string, mode: number): number {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants
  const open = () => openSync(path, O_WRONLY | O_CREAT | O_EXCL, mode)
  try {
    return open()
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    unlinkSync(path)
    return open()
  }
}

/**
 * Gives a regular file a new content where it stands; false when there is none at the path. It
 * takes a fraction of `replaceFile`'s time: ext4 passes over every inode that was deleted within
 * minutes before it takes one for a new file, and flushes what replaces another. But a process that
 * is killed may leave a longer old content behind the new one.
 */
export function overwriteFile(path: string, text: string): boolean {
  const fd = openIfThere(path, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  if (fd === undefined) return false
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return false
    writeFileSync(fd, text)
    const length = Buffer.byteLength(text)
    if (stat.size > length) ftruncateSync(fd, length)
    return true
  } finally {
    closeSync(fd)
  }
}

/** The file descriptor of what can be opened: no symbolic link, for example. */
function openIfThere(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags)
  } catch {
    return undefined // whoever puts a file there says what is in the way
  }
}

/** Removes a file. (Node's rmSync does not say why it failed.) */
export function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/**
 * Makes a folder, and those above it that are missing. Throws Node's system errors. (Node's own
 * recursive mkdir never ends in /proc, and calls a read-only disk a missing folder.)
 */
export function makeFolder(path: string, mode: number): void {
  if (existsSync(path)) return
  makeFolder(dirname(path), mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error // another call was faster
  }
}
