/**
 * How a pod's link is deleted. The kernel takes it out of its tables in a millisecond; then it waits,
 * 10 ms or more, until nobody on any processor can still hold a pointer to it (rcu_barrier in
 * netdev_run_todo of net/core/dev.c), and only then its answer to RTM_DELLINK comes.
 */
import { hasCode } from '../base/errors.ts'
import type { Aio, Sending } from '../linux/aio.ts'
import type { Netns } from '../linux/netns.ts'
import { Connection } from '../netlink/connection.ts'
import { linkByIndex, linkDelete, postLinkDelete } from './link.ts'

export interface LinkRemoval {
  /**
   * Deletes a link of the namespace, to which the connection leads; afterwards the kernel knows
   * none with this index. Throws a `NetlinkError`: `ENODEV` when there was none.
   */
  remove(connection: Connection, index: number, netns: Netns): void
}

/** The removal of a process that ends with its call: it would wait for the kernel then. */
export const waitingRemoval: LinkRemoval = { remove: linkDelete }

/** Between two looks at the link, in ms. */
const lookAgainMs = 0.2

/** After so many looks, in a second or more, libc seems to have no thread that is free for it. */
const maxLooks = 5000

/**
 * The removal of a process that stays: another thread sends the request, and it is enough that the
 * link is gone from the kernel's tables, as the kernel itself says when it is asked for it.
 */
export class BackgroundRemoval implements LinkRemoval {
  readonly #aio: Aio
  readonly #sleep: (ms: number) => void
  readonly #leave: (sending: Sending) => void

  /**
   * `sleep` blocks the calling thread for so many ms. `leave` gets the request of each removal, to
   * be released when it has been sent: until then its socket keeps the pod's namespace alive.
   */
  constructor(aio: Aio, sleep: (ms: number) => void, leave: (sending: Sending) => void) {
    this.#aio = aio
    this.#sleep = sleep
    this.#leave = leave
  }

  remove(connection: Connection, index: number, netns: Netns): void {
    const sent: Sending[] = []
    using background = netns.run(() =>
      Connection.open(undefined, (fd, datagram) => sent.push(this.#aio.send(fd, datagram))),
    )
    const answer = tryPost(background, index)
    const [sending] = sent
    if (answer === undefined || sending === undefined) return linkDelete(connection, index)
    try {
      for (let looks = 0; looks < maxLooks; looks++) {
        if (linkByIndex(connection, index) === undefined) return
        // The kernel has answered, and the link is there: the answer says why.
        if (this.#aio.isDone(sending)) return answer()
        this.#sleep(lookAgainMs)
      }
      linkDelete(connection, index)
    } finally {
      this.#leave(sending)
    }
  }
}

/** What waits for the kernel's answer and throws a `NetlinkError`; undefined when libc cannot send. */
function tryPost(connection: Connection, index: number): (() => void) | undefined {
  try {
    return postLinkDelete(connection, index)
  } catch (error) {
    if (hasCode(error, 'EAGAIN', 'ENOSYS', 'EMFILE')) return undefined // aio_write(3), fcntl(2)
    throw error
  }
}
