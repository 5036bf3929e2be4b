/** aio(7): messages that the kernel takes its time for are sent by threads of libc. */
import { constants } from 'node:os'
import { allocate, close, duplicate, free, openAioCalls, store } from './libc.ts'

/** A message that is being sent; every thread of the process may ask for it. */
export interface Sending {
  /** What it is sent by: a descriptor of its own. */
  readonly fd: number
  /** The address of its struct aiocb. */
  readonly memory: bigint
}

export interface Aio {
  /** Begins to send; `fd` may be closed at once. Throws a `SyscallError`. */
  send(fd: number, bytes: Uint8Array): Sending
  /** Whether send(2) has returned. */
  isDone(sending: Sending): boolean
  /** Closes and frees what a message took that has been sent. */
  release(sending: Sending): void
}

/** Throws when libc has no such threads. */
export function openAio(): Aio {
  const aio = openAioCalls()
  const release = ({ fd, memory }: Sending) => {
    close(fd)
    free(memory)
  }
  return {
    send(fd, bytes) {
      const own = duplicate(fd)
      // The thread writes to it, so it must not be memory that is collected as garbage.
      const memory = allocate(aiocbSize + bytes.length)
      store(memory, Buffer.concat([createAiocb(own, memory, bytes), bytes]))
      const sending = { fd: own, memory }
      try {
        aio.write(memory)
        return sending
      } catch (error) {
        release(sending)
        throw error
      }
    },
    isDone: ({ memory }) => aio.error(memory) !== constants.errno.EINPROGRESS,
    release,
  }
}

/** aio.h of glibc, on machines of 64 bits: struct aiocb, in bytes. */
const aiocbSize = 168

/** A struct aiocb for bytes that lie behind it in memory. */
function createAiocb(fd: number, memory: bigint, bytes: Uint8Array): Buffer {
  const SIGEV_NONE = 1 // bits/sigevent-consts.h
  const aiocb = Buffer.alloc(aiocbSize)
  aiocb.writeInt32LE(fd, 0) // aio_fildes
  aiocb.writeBigUInt64LE(memory + BigInt(aiocbSize), 16) // aio_buf
  aiocb.writeBigUInt64LE(BigInt(bytes.length), 24) // aio_nbytes
  aiocb.writeInt32LE(SIGEV_NONE, 44) // aio_sigevent.sigev_notify
  return aiocb
}
