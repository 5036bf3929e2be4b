import fc from 'fast-check'
import t from 'tap'
import { formatIp, ipFromBytes } from '../../../lib/ip/ip.ts'
import { routeMessage } from '../../../lib/netlink/route.ts'
import { capturedMessage, roundTrip, values } from '../../support/netlink.ts'

const u8 = fc.nat(0xff)
const u32 = fc.nat(0xffffffff)
const ip = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(ipFromBytes)
const routes = values(
  {
    family: u8,
    prefix: u8,
    sourcePrefix: u8,
    tos: u8,
    table: u8,
    protocol: u8,
    scope: u8,
    type: u8,
    flags: u32,
  },
  {
    dst: ip,
    gateway: ip,
    fullTable: u32,
    priority: u32,
    outputIndex: u32,
    source: ip,
    metrics: values({}, { mtu: u32, advmss: u32 }),
  },
)

t.test('every route comes back', async (t) => {
  fc.assert(
    fc.property(routes, (route) => roundTrip(t, routeMessage, route)),
    { numRuns: 30 },
  )
})

t.test('a route of a large table, as the kernel shows it', async (t) => {
  const message = routeMessage.decode(capturedMessage('route-show').payload)
  t.match(message, {
    family: 10,
    prefix: 64,
    table: 252,
    fullTable: 5000,
    protocol: 3,
    flags: 4,
    priority: 7,
    outputIndex: 5,
    metrics: { mtu: 1400, advmss: 1340 },
  })
  t.equal(message.gateway && formatIp(message.gateway), 'fd00:10:244:1::2')
})

t.test('a route with two next hops, as the kernel shows it', async (t) => {
  const { payload } = capturedMessage('route-show-multipath')
  const message = routeMessage.decode(payload)
  const hops = message.nextHops?.map(({ gateway, outputIndex, length }) => ({
    gateway: gateway && formatIp(gateway),
    outputIndex,
    length,
  }))
  t.strictSame(hops, [
    { gateway: 'fd00:10:244:1::2', outputIndex: 5, length: 28 },
    { gateway: 'fd00:10:244:1::3', outputIndex: 5, length: 28 },
  ])
  roundTrip(t, routeMessage, message)
})

t.test('a next hop of a wrong length is refused', async (t) => {
  const { payload } = capturedMessage('route-show-multipath')
  const start = payload.toHex().indexOf('1c000000') / 2
  for (const length of [0, 7, 57]) {
    const bytes = payload.slice()
    bytes[start] = length
    t.throws(() => routeMessage.decode(bytes), {
      message: `RTA_MULTIPATH: next hop: length ${length}, 56 bytes left`,
    })
  }
})
