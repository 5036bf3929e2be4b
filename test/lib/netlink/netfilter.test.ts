import fc from 'fast-check'
import t from 'tap'
import { bigEndian16, bigEndian32, messageType, nfgenmsg } from '../../../lib/netlink/netfilter.ts'
import {
  chainMessage,
  generationMessage,
  NFT_MSG_GETGEN,
  NFT_MSG_GETRULE,
  ruleMessage,
  tableMessage,
} from '../../../lib/netlink/nftables.ts'
import { roundTrip, values } from '../../support/netlink.ts'

t.test('numbers in network byte order', async (t) => {
  t.equal(bigEndian16.encode(5353).toHex(), '14e9')
  t.equal(bigEndian16.decode(Uint8Array.fromHex('14e9')), 5353)
  for (const wrong of ['', '14', '14e900']) {
    t.throws(() => bigEndian16.decode(Uint8Array.fromHex(wrong)), {
      name: 'RangeError',
      message: `want 2 bytes, got ${wrong.length / 2}`,
    })
  }
  t.equal(bigEndian32.encode(0x80010203).toHex(), '80010203')
  t.equal(bigEndian32.decode(Uint8Array.fromHex('80010203')), 0x80010203)
  t.throws(() => bigEndian32.decode(Uint8Array.of(1)), { message: 'want 4 bytes, got 1' })
  t.doesNotThrow(() =>
    fc.assert(fc.property(fc.nat(0xffff), (n) => bigEndian16.decode(bigEndian16.encode(n)) === n)),
  )
})

t.test('the head and the type of messages', async (t) => {
  t.equal(nfgenmsg.encode({ family: 10 }).toHex(), '0a000000')
  t.equal(messageType('conntrack', 2), 0x102)
  t.equal(NFT_MSG_GETRULE, 0xa07)
  t.equal(NFT_MSG_GETGEN, 0xa10)
})

t.test('where rules are', async (t) => {
  const u8 = fc.nat(0xff)
  const name = fc.stringMatching(/^[A-Za-z_-]{0,20}$/)
  const places = values(
    { family: u8, version: u8, resource: fc.nat(0xffff) },
    { table: name, chain: name },
  )
  const chains = values(
    { family: u8, version: u8, resource: fc.nat(0xffff) },
    { table: name, name },
  )
  fc.assert(
    fc.property(places, chains, (place, chain) => {
      roundTrip(t, ruleMessage, place)
      roundTrip(t, chainMessage, chain)
    }),
    { numRuns: 20 },
  )
  t.equal(tableMessage.encode({ family: 2, name: 'nat' }).toHex(), '02000000' + '080001006e617400')
  t.equal(generationMessage.decode(Uint8Array.fromHex('000000010800010000000007')).id, 7)
  t.equal(
    ruleMessage.encode({ family: 2, table: 'nat', chain: 'a' }).toHex(),
    '02000000' + '080001006e617400' + '0600020061000000',
  )
})
