import t from 'tap'
import { isPortMac, isZeroMac, portMac, randomMac } from '../../../plugins/bridge/mac.ts'
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

t.test('MACs of ports sort before others, and can be told from them', async (t) => {
  t.equal(portMac(contextOf()), '02:00:00:01:02:03')
  t.equal(isPortMac('02:00:ff:ff:ff:ff'), true)
  t.equal(isPortMac('02:01:00:00:00:00'), false)
  t.equal(isPortMac('00:00:00:00:00:00'), false)
})

t.test('the MAC of a bridge that nobody has given one', async (t) => {
  t.equal(isZeroMac('00:00:00:00:00:00'), true)
  t.equal(isZeroMac('00:00:00:00:00:01'), false)
  t.equal(isZeroMac('10:00:00:00:00:00'), false)
})
