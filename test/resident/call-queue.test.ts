import t from 'tap'
import { CallQueue } from '../../resident/call-queue.ts'

function queueOf(...keys: string[]) {
  const queue = new CallQueue<{ key: string; number: number }>()
  keys.forEach((key, number) => queue.add({ key, number }))
  const numbers = () => {
    const taken: number[] = []
    for (let call = queue.take(); call !== undefined; call = queue.take()) taken.push(call.number)
    return taken
  }
  return { queue, numbers }
}

t.test('calls come out in their order', async (t) => {
  const { queue, numbers } = queueOf('a', 'b', 'c')
  t.equal(queue.length, 3)
  t.strictSame(numbers(), [0, 1, 2])
  t.equal(queue.length, 0)
})

t.test('never two of one key at once', async (t) => {
  const { queue, numbers } = queueOf('a', 'a', 'b', 'a')
  t.strictSame(numbers(), [0, 2])
  queue.finish({ key: 'a', number: 0 })
  t.strictSame(numbers(), [1])
  queue.finish({ key: 'b', number: 2 })
  t.strictSame(numbers(), [], 'a is at work again')
  queue.finish({ key: 'a', number: 1 })
  t.strictSame(numbers(), [3])
})

t.test('calls without a key do not mind each other', async (t) => {
  t.strictSame(queueOf('', '', '').numbers(), [0, 1, 2])
})

t.test('a call that waits can be taken out', async (t) => {
  const queue = new CallQueue<{ key: string }>()
  const [first, second] = [{ key: 'a' }, { key: 'b' }]
  queue.add(first)
  queue.add(second)
  t.equal(queue.remove(first), true)
  t.equal(queue.remove(first), false)
  t.equal(queue.take(), second)
  t.equal(queue.remove(second), false, 'it runs')
  queue.add(first)
  t.strictSame(queue.clear(), [first])
  t.equal(queue.length, 0)
})
