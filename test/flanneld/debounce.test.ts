import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { Debounce } from '../../flanneld/debounce.ts'
import { eventually } from '../support/eventually.ts'

/** Work that takes as long as it is made to, and how often it was begun. */
function makeWork() {
  const running: (() => void)[] = []
  let begun = 0
  return {
    begun: () => begun,
    end: () => running.shift()?.(),
    work: () => {
      begun++
      return new Promise<void>((resolve) => running.push(resolve))
    },
  }
}

t.test('what comes together is done together, and what comes meanwhile once more', async (t) => {
  const { begun, end, work } = makeWork()
  await using debounce = new Debounce(10, work)
  for (let count = 0; count < 3; count++) debounce.trigger()
  t.equal(begun(), 0)
  await eventually('it begins', () => begun() === 1)
  for (let count = 0; count < 3; count++) {
    debounce.trigger()
    await setTimeout(30)
  }
  t.equal(begun(), 1, 'never twice at a time')
  end()
  await eventually('it begins again', () => begun() === 2)
  end()
  await setTimeout(50)
  t.equal(begun(), 2)
  debounce.trigger()
  await eventually('it goes on', () => begun() === 3)
  end()
})

t.test('when it is disposed of, nothing begins', async (t) => {
  const { begun, end, work } = makeWork()
  const debounce = new Debounce(10, work)
  debounce.trigger()
  await eventually('it begins', () => begun() === 1)
  debounce.trigger()
  await setTimeout(50)
  let isDisposed = false
  const disposed = debounce[Symbol.asyncDispose]().then(() => (isDisposed = true))
  debounce.trigger()
  await setTimeout(50)
  t.equal(isDisposed, false, 'it waits for what has begun')
  end()
  await disposed
  debounce.trigger()
  await setTimeout(50)
  t.equal(begun(), 1)
})
