import fc from 'fast-check'
import t from 'tap'
import { macFromBytes, macToBytes } from '../../../lib/ip/mac.ts'

t.test('the three ways to write an address', async (t) => {
  for (const text of ['0a:58:0A:f4:01:02', '0a-58-0a-f4-01-02', '0a58.0af4.0102']) {
    t.equal(macFromBytes(macToBytes(text)), '0a:58:0a:f4:01:02')
  }
})

t.test('addresses of 6, 8 and 20 bytes come back', async (t) => {
  for (const length of [6, 8, 20]) {
    const bytes = fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(bytes, (mac) => t.strictSame(macToBytes(macFromBytes(mac)), mac)),
      { numRuns: 10 },
    )
  }
})

t.test('anything else is refused with the text of Go', async (t) => {
  const refused = [
    '',
    'zz',
    '0a:58:0a:f4:01',
    '0a:58:0a:f4:01:02:03',
    '0a:58-0a:f4:01:02',
    '0a:58:0a:f4:01:2',
    '0a:58:0a:f4:01:0g',
    '0a580af40102',
    ' 0a:58:0a:f4:01:02',
    '0a:58:0a:f4:01:02\n',
  ]
  for (const text of refused) {
    const message = `address ${text}: invalid MAC address`
    t.throws(() => macToBytes(text), new RangeError(message), JSON.stringify(text))
  }
})

t.test('no address is empty', async (t) => {
  t.equal(macFromBytes(new Uint8Array(0)), '')
})
