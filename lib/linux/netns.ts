import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { errnoText } from '../base/errno.ts'
import { abort, fileSystemType, setns, SyscallError } from './libc.ts'

/** linux/sched.h */
const CLONE_NEWNET = 0x40000000
// linux/magic.h
const NSFS_MAGIC = 0x6e736673n
const PROC_SUPER_MAGIC = 0x9fa0n

const expected = 'want the file of a network namespace, such as /run/netns/NAME or /proc/PID/ns/net'

/** A path that is no network namespace; `code` is the errno's name, `ENOTNS` for another file. */
export class NetnsError extends Error {
  override readonly name = 'NetnsError'
  readonly code: string
  readonly details = expected

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * A network namespace, held open. The thread is moved into it only for the time of `run`; sockets
 * opened there stay in it.
 */
export class Netns implements Disposable {
  readonly path: string
  readonly #fd: number
  #open = true

  private constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  /**
   * Opens a namespace by its path. Throws a `NetnsError` with the texts of the Go plugins: code
   * `ENOENT` when there is nothing, `ENOTNS` when there is something else.
   */
  static open(path: string): Netns {
    const netns = new Netns(path, openFile(path))
    try {
      const magic = fileSystemType(netns.#fd)
      if (magic === NSFS_MAGIC || magic === PROC_SUPER_MAGIC) return netns
      const found = `unknown FS magic on ${JSON.stringify(path)}: ${magic.toString(16)}`
      throw new NetnsError(found, 'ENOTNS')
    } catch (error) {
      netns[Symbol.dispose]()
      throw error
    }
  }

  /** The calling thread's namespace. */
  static current(): Netns {
    return Netns.open('/proc/thread-self/ns/net')
  }

  /** The file descriptor, as IFLA_NET_NS_FD wants it; valid until the namespace is closed. */
  get fd(): number {
    return this.#fd
  }

  /** Whether both are the same namespace, whatever their paths. */
  sameAs(other: Netns): boolean {
    const [a, b] = [fstatSync(this.#fd), fstatSync(other.#fd)]
    return a.dev === b.dev && a.ino === b.ino
  }

  /**
   * Runs `work` with the calling thread inside the namespace, and returns its value. `work` must
   * be synchronous: whatever ran after it would not be inside. When the thread cannot return the
   * process is aborted, since everything after would happen in the wrong namespace.
   */
  run<T>(work: () => Sync<T>): Sync<T> {
    using home = Netns.current()
    try {
      setns(this.#fd, CLONE_NEWNET)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      const text = `error switching to ns ${this.path}: ${errnoText(error.errno)}`
      throw new NetnsError(text, error.code, { cause: error })
    }
    try {
      return work()
    } finally {
      home.#enterOrAbort()
    }
  }

  #enterOrAbort(): void {
    try {
      setns(this.#fd, CLONE_NEWNET)
    } catch {
      // there is nobody to tell: a core dump with this frame on the stack says what happened
      abort()
    }
  }

  /** Closes the file; again is fine. */
  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#fd)
    this.#open = false
  }
}

/** Any type but a promise's. */
type Sync<T> = T extends PromiseLike<unknown> ? never : T

function openFile(path: string): number {
  try {
    // O_NONBLOCK: a path may turn out to be a pipe
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { errno, code } = error as NodeJS.ErrnoException // what node:fs throws
    if (errno === undefined || code === undefined) throw error
    const text = `failed to Statfs ${JSON.stringify(path)}: ${errnoText(-errno)}`
    throw new NetnsError(text, code, { cause: error })
  }
}
