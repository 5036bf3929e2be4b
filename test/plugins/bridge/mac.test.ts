import t from 'tap'
import { isZeroMac, randomMac, seededMac } from '../../../plugins/bridge/mac.ts'
import { contextOf } from '../../support/request.ts'

t.test('random MACs are local and of one machine', async (t) => {
  for (const [first, wanted] of [
    [0x00, '02:01:02:03:04:05'],
    [0xff, 'fe:01:02:03:04:05'],
    [0x31, '32:01:02:03:04:05'],
  ] as const) {
    const randomBytes = () => Uint8Array.of(first, 1, 2, 3, 4, 5)
    t.equal(randomMac(contextOf({ randomBytes })), wanted)
  }
})

t.test('a MAC that belongs to a text', async (t) => {
  t.equal(seededMac('boot 7'), seededMac('boot 7'))
  t.not(seededMac('boot 7'), seededMac('boot 8'))
  for (const seed of ['a', 'b', 'c', 'd']) t.match(seededMac(seed), /^.[26ae](:[0-9a-f]{2}){5}$/)
})

t.test('the MAC of a bridge that nobody has given one', async (t) => {
  t.equal(isZeroMac('00:00:00:00:00:00'), true)
  t.equal(isZeroMac('00:00:00:00:00:01'), false)
  t.equal(isZeroMac('10:00:00:00:00:00'), false)
})
