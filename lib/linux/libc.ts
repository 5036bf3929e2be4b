/**
 * The system calls that Node lacks, through `node:ffi`: the only file that calls native code.
 * Everything here is synchronous and acts on the calling thread.
 */
import { dlopen, exportBuffer, getInt32 } from 'node:ffi'
import { getSystemErrorName } from 'node:util'
import { errnoText } from '../base/errno.ts'

const { functions: c } = dlopen('libc.so.6', {
  __errno_location: { arguments: [], return: 'pointer' },
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  connect: { arguments: ['i32', 'buffer', 'u32'], return: 'i32' },
  bind: { arguments: ['i32', 'buffer', 'u32'], return: 'i32' },
  close: { arguments: ['i32'], return: 'i32' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'buffer', 'u32'], return: 'i32' },
  sendto: { arguments: ['i32', 'buffer', 'u64', 'i32', 'pointer', 'u32'], return: 'i64' },
  recv: { arguments: ['i32', 'buffer', 'u64', 'i32'], return: 'i64' },
  getrandom: { arguments: ['buffer', 'u64', 'u32'], return: 'i64' },
  getsockopt: { arguments: ['i32', 'i32', 'i32', 'buffer', 'buffer'], return: 'i32' },
  setns: { arguments: ['i32', 'i32'], return: 'i32' },
  unshare: { arguments: ['i32'], return: 'i32' },
  chdir: { arguments: ['buffer'], return: 'i32' },
  flock: { arguments: ['i32', 'i32'], return: 'i32' },
  poll: { arguments: ['buffer', 'u64', 'i32'], return: 'i32' },
  fstatfs: { arguments: ['i32', 'buffer'], return: 'i32' },
  calloc: { arguments: ['u64', 'u64'], return: 'pointer' },
  free: { arguments: ['pointer'], return: 'void' },
  mallopt: { arguments: ['i32', 'i32'], return: 'i32' },
  malloc_trim: { arguments: ['u64'], return: 'i32' },
  abort: { arguments: [], return: 'void' },
  _exit: { arguments: ['i32'], return: 'void' },
})

/** A system call that failed; `code` is the errno's name (`EEXIST`), `errno` its positive number. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError'
  readonly syscall: string
  readonly code: string
  readonly errno: number

  constructor(syscall: string, errno: number) {
    super(`${syscall}: ${errnoText(errno)}`)
    this.syscall = syscall
    this.code = getSystemErrorName(-errno)
    this.errno = errno
  }
}

/** Where errno is; each thread of Node that loads this file has its own. */
const errnoPointer = c.__errno_location()

/**
 * Throws when a system call has failed. Callers read errno among the arguments, right behind the
 * call: at the entry of a function the engine may collect garbage or install compiled code, and the
 * system calls that it makes for that change errno.
 */
function check<T extends number | bigint>(syscall: string, result: T, errno: number): T {
  if (result < 0) throw new SyscallError(syscall, errno)
  return result
}

/** socket(2): the file descriptor of a new socket. */
export function socket(domain: number, type: number, protocol: number): number {
  return check('socket', c.socket(domain, type, protocol), getInt32(errnoPointer))
}

/** connect(2) to the bytes of an address. */
export function connect(fd: number, address: Uint8Array): void {
  check('connect', c.connect(fd, address, address.length), getInt32(errnoPointer))
}

/** bind(2) with the bytes of an address: gives a socket a name of its own. */
export function bind(fd: number, address: Uint8Array): void {
  check('bind', c.bind(fd, address, address.length), getInt32(errnoPointer))
}

/** close(2), of a file descriptor from here: a thread of Node keeps account of its own ones. */
export function close(fd: number): void {
  check('close', c.close(fd), getInt32(errnoPointer))
}

/** setsockopt(2) with the bytes of the option's value. */
export function setsockopt(fd: number, level: number, name: number, value: Uint8Array): void {
  check('setsockopt', c.setsockopt(fd, level, name, value, value.length), getInt32(errnoPointer))
}

/** getsockopt(2): the bytes of an option's value, of which there are so many. */
export function getsockopt(fd: number, level: number, name: number, length: number): Buffer {
  const value = Buffer.alloc(length)
  const size = Buffer.alloc(4)
  size.writeInt32LE(length)
  check('getsockopt', c.getsockopt(fd, level, name, value, size), getInt32(errnoPointer))
  return value
}

/** sendto(2) without an address: a netlink socket that is not connected sends to the kernel. */
export function send(fd: number, bytes: Uint8Array): void {
  check('sendto', c.sendto(fd, bytes, BigInt(bytes.length), 0, null, 0), getInt32(errnoPointer))
}

/** fcntl(2): another descriptor for the same file, which programs that are executed do not get. */
export function duplicate(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030 // linux/fcntl.h
  return check('fcntl', c.fcntl(fd, F_DUPFD_CLOEXEC, 0), getInt32(errnoPointer))
}

/** calloc(3): the address of so many bytes of zeros, which are never collected as garbage. */
export function allocate(length: number): bigint {
  return c.calloc(1n, BigInt(length))
}

/** Writes the bytes at an address that `allocate` gave, which has to have room for them. */
export function store(memory: bigint, bytes: Buffer): void {
  exportBuffer(bytes, memory, bytes.length)
}

/** free(3). */
export function free(memory: bigint): void {
  c.free(memory)
}

/** The functions of aio(7), each of which gets the address of a struct aiocb. */
export interface AioCalls {
  /** aio_write(3); throws a `SyscallError`. */
  write(aiocb: bigint): void
  /** aio_error(3): an errno, 0 when it has succeeded. */
  error(aiocb: bigint): number
}

/** Throws when libc has no such functions. */
export function openAioCalls(): AioCalls {
  const { functions: aio } = dlopenFirst(['libc.so.6', 'librt.so.1']) // the second before glibc 2.34
  return {
    write: (aiocb) => void check('aio_write', aio.aio_write(aiocb), getInt32(errnoPointer)),
    error: (aiocb) => aio.aio_error(aiocb),
  }
}

function dlopenFirst(names: readonly string[]) {
  const [name = '', ...others] = names
  try {
    return dlopen(name, {
      aio_write: { arguments: ['pointer'], return: 'i32' },
      aio_error: { arguments: ['pointer'], return: 'i32' },
    })
  } catch (error) {
    if (others.length === 0) throw error
    return dlopenFirst(others)
  }
}

/** recv(2) into `buffer`: how many bytes came; with MSG_TRUNC in `flags`, how many there were. */
export function recv(fd: number, buffer: Uint8Array, flags: number): number {
  return Number(
    check('recv', c.recv(fd, buffer, BigInt(buffer.length), flags), getInt32(errnoPointer)),
  )
}

/** setns(2): moves the calling thread into the namespace `fd`, which must be of type `nstype`. */
export function setns(fd: number, nstype: number): void {
  check('setns', c.setns(fd, nstype), getInt32(errnoPointer))
}

/** unshare(2): gives the calling thread its own copy of what `flags` name. */
export function unshare(flags: number): void {
  check('unshare', c.unshare(flags), getInt32(errnoPointer))
}

/** chdir(2): Node has it for its first thread only. */
export function chdir(path: string): void {
  check('chdir', c.chdir(Buffer.from(`${path}\0`)), getInt32(errnoPointer))
}

/** flock(2). */
export function flock(fd: number, operation: number): void {
  check('flock', c.flock(fd, operation), getInt32(errnoPointer))
}

/** fstatfs(2): the magic number of the file system (`f_type`) that `fd` is on. */
export function fileSystemType(fd: number): bigint {
  // struct statfs, asm-generic/statfs.h: f_type is its first 64-bit word; 120 bytes in all.
  const statfs = Buffer.alloc(120)
  check('fstatfs', c.fstatfs(fd, statfs), getInt32(errnoPointer))
  return statfs.readBigInt64LE(0)
}

/** poll(2) for one file descriptor to become readable; false when `timeoutMs` went by. */
export function waitReadable(fd: number, timeoutMs: number): boolean {
  const POLLIN = 1
  return poll(fd, POLLIN, timeoutMs)
}

/** poll(2) for one file descriptor to take bytes, or to have no reader, however long it takes. */
export function waitWritable(fd: number): void {
  const POLLOUT = 4
  poll(fd, POLLOUT, -1)
}

function poll(fd: number, events: number, timeoutMs: number): boolean {
  // struct pollfd, poll.h: int fd; short events; short revents;
  const pollfd = Buffer.alloc(8)
  pollfd.writeInt32LE(fd, 0)
  pollfd.writeInt16LE(events, 4)
  return check('poll', c.poll(pollfd, 1n, timeoutMs), getInt32(errnoPointer)) > 0
}

/**
 * mallopt(3): has malloc keep little of what is freed, in one arena for all threads. Without that a
 * process that runs for long keeps what its busiest moment took. Other C libraries ignore it.
 */
export function keepHeapSmall(): void {
  const M_TRIM_THRESHOLD = -1 // malloc.h
  const M_ARENA_MAX = -8
  c.mallopt(M_ARENA_MAX, 1)
  c.mallopt(M_TRIM_THRESHOLD, 64 * 1024)
}

/** malloc_trim(3): gives the kernel back what has been freed. */
export function trimHeap(): void {
  c.malloc_trim(0n)
}

/** abort(3): ends the process at once, without any cleanup. */
export function abort(): never {
  c.abort()
  throw new Error('abort returned')
}

/**
 * _exit(2): ends the process at once. Node itself waits for its threads first, and these wait for
 * programs that they have started.
 */
export function endProcess(status: number): never {
  c._exit(status)
  throw new Error('_exit returned')
}

/** getrandom(2): so many random bytes, at most 256. Loading node:crypto for it takes 6 ms. */
export function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  check('getrandom', c.getrandom(bytes, BigInt(length), 0), getInt32(errnoPointer))
  return bytes
}
