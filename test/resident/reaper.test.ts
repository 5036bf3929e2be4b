/** What is released, and when, with messages that are made up. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import type { Sending } from '../../lib/linux/aio.ts'
import { Reaper } from '../../resident/reaper.ts'

const sendings: Sending[] = [1, 2, 3].map((fd) => ({ fd, memory: BigInt(fd) }))

t.test('what has been sent is released once, and nothing else', async (t) => {
  const done = new Set<Sending>()
  const released: Sending[] = []
  const reaper = new Reaper({
    isDone: (sending) => done.has(sending),
    release: (sending) => released.push(sending),
  })
  const [first, second, third] = sendings as [Sending, Sending, Sending]
  reaper.add(first)
  reaper.add(second)
  await setTimeout(100)
  t.strictSame(released, [])
  const settle = async (count: number) => {
    for (let tries = 0; tries < 100 && released.length < count; tries++) await setTimeout(50)
  }
  done.add(second)
  await settle(1)
  t.strictSame(released, [second])
  done.add(first)
  await settle(2)
  t.strictSame(released, [second, first])
  done.add(third)
  reaper.add(third)
  await settle(3)
  t.strictSame(released, [second, first, third], 'also when all was released before')
})
