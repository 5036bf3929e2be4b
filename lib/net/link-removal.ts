/**
 * How a pod's link is deleted. The kernel takes it out of its tables in a millisecond; then it waits,
 * 10 ms or more, until nobody on any processor can still hold a pointer to it (rcu_barrier in
 * netdev_run_todo of net/core/dev.c), and only then its answer to RTM_DELLINK comes.
 */
import { hasCode } from '../cni/errors.ts'
import { Connection } from '../netlink/connection.ts'
import { linkByIndex, linkDelete, postLinkDelete } from './link.ts'
import type { Sending } from './libc.ts'
import type { Netns } from './netns.ts'

export interface LinkRemoval {
  /**
   * Deletes a link of the namespace, to which the connection leads; afterwards the kernel knows
   * none with this index. Throws a `NetlinkError`: `ENODEV` when there was none.
   */
  remove(connection: Connection, index: number, netns: Netns): void
}

/** The removal of a process that ends with its call: it would wait for the kernel then. */
export const waitingRemoval: LinkRemoval = { remove: linkDelete }

/** A deletion whose answer nobody waits for. */
interface Deletion {
  readonly connection: Connection
  readonly sending: Sending
  /** Waits for the kernel's answer; throws a `NetlinkError`. */
  readonly answer: () => void
}

/** With more deletions than this on their way it is better to wait. */
const maxDeletions = 64

/** Between two looks at the link, in ms. */
const lookAgainMs = 0.2

/**
 * The removal of a process that stays: another thread sends the request, and it is enough that the
 * link is gone from the kernel's tables, as the kernel itself says when it is asked for it.
 */
export class BackgroundRemoval implements LinkRemoval {
  readonly #send: (fd: number, bytes: Uint8Array) => Sending
  readonly #sleep: (ms: number) => void
  #deletions: readonly Deletion[] = []

  /** `send` sends in another thread; `sleep` blocks this one for so many ms. */
  constructor(send: (fd: number, bytes: Uint8Array) => Sending, sleep: (ms: number) => void) {
    this.#send = send
    this.#sleep = sleep
  }

  remove(connection: Connection, index: number, netns: Netns): void {
    this.#closeDone()
    const deletion = this.#begin(index, netns)
    if (deletion === undefined) return linkDelete(connection, index)
    while (linkByIndex(connection, index) !== undefined) {
      // The kernel has answered, and the link is there: the answer says why.
      if (deletion.sending.isDone()) return deletion.answer()
      this.#sleep(lookAgainMs)
    }
  }

  /** Undefined when there is no thread to send by. */
  #begin(index: number, netns: Netns): Deletion | undefined {
    if (this.#deletions.length >= maxDeletions) return undefined
    let sending: Sending = { isDone: () => true }
    const connection = netns.run(() =>
      Connection.open(undefined, (fd, datagram) => {
        sending = this.#send(fd, datagram)
      }),
    )
    try {
      const answer = postLinkDelete(connection, index)
      const deletion = { connection, sending, answer }
      this.#deletions = [...this.#deletions, deletion]
      return deletion
    } catch (error) {
      connection[Symbol.dispose]()
      if (hasCode(error, 'EAGAIN', 'ENOSYS')) return undefined // aio_write(3) says so
      throw error
    }
  }

  /** Closes the sockets that nobody sends by any more. */
  #closeDone(): void {
    const done = this.#deletions.filter(({ sending }) => sending.isDone())
    this.#deletions = this.#deletions.filter((deletion) => !done.includes(deletion))
    for (const { connection } of done) connection[Symbol.dispose]()
  }
}
