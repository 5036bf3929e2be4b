/** Data that tests move by TCP from one namespace to another. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Namespace } from '../../scripts/lab/node.ts'
import { inside, run } from '../../scripts/lab/run.ts'

const program = [process.execPath, join(import.meta.dirname, 'tcp-end.ts')]

/** What each end of a connection says of the data: number of bytes, and hash. */
export interface Transfer {
  readonly sent: string
  readonly received: string
}

/** Moves `bytes` random bytes from one namespace to an address of another. */
export async function transfer(
  from: Namespace,
  to: Namespace,
  address: string,
  bytes: number,
): Promise<Transfer> {
  const [command = '', ...args] = inside(to.netns, [...program, 'receive', address])
  const receiver = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(receiver, 'close')
  const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]()
  const { value: port = '' } = await lines.next()
  const sender = await run(inside(from.netns, [...program, 'send', address, port, `${bytes}`]))
  if (sender.code !== 0) receiver.kill()
  const { value: received = '' } = await lines.next()
  await ended
  return { sent: sender.stdout.trim() || sender.stderr, received }
}
