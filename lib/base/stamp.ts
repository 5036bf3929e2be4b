/**
 * The stamp at the very end of the packaged executable: that it is of this plugin set, and which
 * version. It is read without running the file, which may be anybody's or made for another
 * machine; and a file that was cut off has none. What follows an executable's last section is
 * ignored by the kernel and by the dynamic loader (elf(5)).
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { hasCode } from './errors.ts'

const pattern = /\nflannel-ts v(\d+\.\d+\.\d+)\n$/

/** A stamp is shorter than this, in bytes. */
const maxLength = 64

/** The text to put at the end of an executable; throws a `RangeError` unless it can be read back. */
export function formatStamp(version: string): string {
  const stamp = `\nflannel-ts v${version}\n`
  if (pattern.exec(stamp)?.[1] === version && stamp.length <= maxLength) return stamp
  throw new RangeError(`version ${JSON.stringify(version)} must be three numbers, like 1.2.3`)
}

/** The version that a file is stamped with; undefined for any other file, and when there is none. */
export function readStamp(path: string): string | undefined {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return undefined
    const buffer = Buffer.alloc(maxLength)
    const length = readSync(fd, buffer, { position: Math.max(0, stat.size - maxLength) })
    return pattern.exec(buffer.toString('latin1', 0, length))?.[1]
  } finally {
    closeSync(fd)
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) // a FIFO would block
  } catch (error) {
    // A symbolic link may lead nowhere, or in a circle; ENXIO is a socket's.
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) return undefined
    throw error
  }
}
