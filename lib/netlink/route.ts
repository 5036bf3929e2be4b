/** Routes on the wire: RTM_NEWROUTE and its kin (rtnetlink(7), linux/rtnetlink.h). */
import { align, attribute, attributeSet, concat, withAttributes } from './attribute.ts'
import { ipAddress, u32 } from './payload.ts'
import { type Codec, struct } from './struct.ts'

// linux/rtnetlink.h
export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26

// linux/rtnetlink.h: enum rt_class_t
export const RT_TABLE_UNSPEC = 0
export const RT_TABLE_MAIN = 254
// linux/rtnetlink.h: rtm_type
export const RTN_UNICAST = 1
export const RTN_BLACKHOLE = 6
// linux/rtnetlink.h: enum rt_scope_t
export const RT_SCOPE_NOWHERE = 255
// linux/rtnetlink.h: rtm_protocol
export const RTPROT_KERNEL = 2
export const RTPROT_BOOT = 3
// linux/rtnetlink.h: rtm_flags
export const RTNH_F_ONLINK = 0x4
export const RTM_F_CLONED = 0x200
export const RTM_F_LOOKUP_TABLE = 0x1000

const rtnexthop = struct('rtnexthop', 8, {
  length: ['u16', 0],
  flags: ['u8', 2],
  hops: ['u8', 3],
  outputIndex: ['i32', 4],
})

/** linux/rtnetlink.h: RTA_* of a next hop */
const nextHop = withAttributes(
  rtnexthop,
  attributeSet({ gateway: attribute(5, 'RTA_GATEWAY', ipAddress) }),
)

type NextHop = ReturnType<typeof nextHop.decode>

/** The next hops of a multipath route, one behind the other, each with its own length. */
const nextHops: Codec<NextHop[]> = {
  encode(hops) {
    const parts = hops.map((hop) => nextHop.encode({ ...hop, length: nextHop.encode(hop).length }))
    return concat(parts)
  },
  decode(bytes) {
    const hops: NextHop[] = []
    for (let offset = 0; offset < bytes.length;) {
      const { length } = rtnexthop.decode(bytes, offset)
      if (length < rtnexthop.size || length > bytes.length - offset) {
        throw new RangeError(`next hop: length ${length}, ${bytes.length - offset} bytes left`)
      }
      hops.push(nextHop.decode(bytes.subarray(offset, offset + length)))
      offset += align(length)
    }
    return hops
  },
}

/** linux/rtnetlink.h: RTAX_* */
const metrics = attributeSet({
  mtu: attribute(2, 'RTAX_MTU', u32),
  advmss: attribute(8, 'RTAX_ADVMSS', u32),
})

/** The codec of route messages. `fullTable` has more bits than the header's `table`. */
export const routeMessage = withAttributes(
  // linux/rtnetlink.h
  struct('rtmsg', 12, {
    family: ['u8', 0],
    prefix: ['u8', 1],
    sourcePrefix: ['u8', 2],
    tos: ['u8', 3],
    table: ['u8', 4],
    protocol: ['u8', 5],
    scope: ['u8', 6],
    type: ['u8', 7],
    flags: ['u32', 8],
  }),
  // linux/rtnetlink.h: RTA_*
  attributeSet({
    dst: attribute(1, 'RTA_DST', ipAddress),
    gateway: attribute(5, 'RTA_GATEWAY', ipAddress),
    fullTable: attribute(15, 'RTA_TABLE', u32),
    priority: attribute(6, 'RTA_PRIORITY', u32),
    outputIndex: attribute(4, 'RTA_OIF', u32),
    source: attribute(7, 'RTA_PREFSRC', ipAddress),
    metrics: attribute(8, 'RTA_METRICS', metrics),
    nextHops: attribute(9, 'RTA_MULTIPATH', nextHops),
  }),
)

/** A route message as it is read. */
export type RouteMessage = ReturnType<typeof routeMessage.decode>
