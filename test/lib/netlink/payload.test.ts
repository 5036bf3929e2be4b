import t from 'tap'
import { ipFromBytes } from '../../../lib/ip/ip.ts'
import {
  flag,
  i32,
  ipAddress,
  macAddress,
  presence,
  text,
  u16,
  u16be,
  u32,
  u8,
  zeroTerminated,
} from '../../../lib/netlink/payload.ts'

const bytes = (hex: string) => Uint8Array.fromHex(hex)

t.test('text ends at a zero byte or at its end', async (t) => {
  t.equal(text.encode('veth').toHex(), '76657468')
  t.equal(zeroTerminated.encode('lo').toHex(), '6c6f00')
  for (const codec of [text, zeroTerminated]) {
    t.equal(codec.decode(bytes('6c6f')), 'lo')
    t.equal(codec.decode(bytes('6c6f00')), 'lo')
    t.equal(codec.decode(bytes('6c6f0078')), 'lo')
  }
})

t.test('numbers have one size', async (t) => {
  t.equal(u8.decode(bytes('ff')), 255)
  t.equal(u16.decode(bytes('0102')), 0x0201)
  t.equal(u32.encode(0x01020304).toHex(), '04030201')
  t.equal(u16be.encode(8472).toHex(), '2118')
  const port = bytes('2118')
  t.equal(u16be.decode(port), 8472)
  t.equal(port.toHex(), '2118', 'what is read stays as it is')
  t.throws(() => u16be.decode(bytes('211800')), new RangeError('want 2 bytes, got 3'))
  t.equal(i32.decode(bytes('ffffffff')), -1)
  t.equal(flag.decode(bytes('02')), true)
  t.throws(() => u8.decode(bytes('ffff')), new RangeError('want 1 bytes, got 2'))
})

t.test('addresses have 4 or 16 bytes, hardware addresses any number', async (t) => {
  t.strictSame(ipAddress.decode(bytes('0af40101')), ipFromBytes(bytes('0af40101')))
  t.throws(() => ipAddress.decode(bytes('0af401')), RangeError)
  t.equal(macAddress.decode(bytes('0a580af40101')), '0a:58:0a:f4:01:01')
  t.equal(macAddress.decode(bytes('')), '')
})

t.test('what says something by being there has no bytes', async (t) => {
  t.equal(presence.encode(true).length, 0)
  t.equal(presence.decode(bytes('')), true)
})
