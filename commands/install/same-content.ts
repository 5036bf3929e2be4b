import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** How much is compared at a time, in bytes. */
const chunkSize = 1024 * 1024

/** Whether two regular files hold the same bytes. Throws what the file system throws. */
export function hasSameContent(a: string, b: string): boolean {
  using first = open(a)
  using second = open(b)
  const [size, otherSize] = [first, second].map(({ fd }) => fstatSync(fd).size)
  if (size !== otherSize) return false
  for (;;) {
    const [chunk, other] = [read(first), read(second)]
    if (!chunk.equals(other)) return false
    if (chunk.length === 0) return true
  }
}

interface OpenFile extends Disposable {
  readonly fd: number
}

function open(path: string): OpenFile {
  const fd = openSync(path, 'r')
  return { fd, [Symbol.dispose]: () => closeSync(fd) }
}

function read({ fd }: OpenFile): Buffer {
  const buffer = Buffer.allocUnsafe(chunkSize)
  return buffer.subarray(0, readSync(fd, buffer))
}
