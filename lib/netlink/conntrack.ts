/** Tracked connections on the wire (linux/netfilter/nfnetlink_conntrack.h). */
import { attribute, attributeSet, NLA_F_NESTED, withAttributes } from './attribute.ts'
import { bigEndian16, messageType, nfgenmsg } from './netfilter.ts'
import { ipAddress, raw, u32, u8 } from './payload.ts'

// enum cntl_msg_types
export const CT_GET = messageType('conntrack', 1)
export const CT_DELETE = messageType('conntrack', 2)

// Linux, net/netfilter/nf_conntrack_netlink.c: which fields of a tuple a dump is filtered by. A
// kernel before 5.8 does not know CTA_FILTER and dumps everything.
export const CTA_FILTER_F_CTA_PROTO_NUM = 1 << 3
export const CTA_FILTER_F_CTA_PROTO_DST_PORT = 1 << 5

/** enum ctattr_ip */
const addresses = attributeSet({
  source4: attribute(1, 'CTA_IP_V4_SRC', ipAddress),
  destination4: attribute(2, 'CTA_IP_V4_DST', ipAddress),
  source6: attribute(3, 'CTA_IP_V6_SRC', ipAddress),
  destination6: attribute(4, 'CTA_IP_V6_DST', ipAddress),
})

/** enum ctattr_l4proto */
const protocol = attributeSet({
  number: attribute(1, 'CTA_PROTO_NUM', u8),
  sourcePort: attribute(2, 'CTA_PROTO_SRC_PORT', bigEndian16),
  destinationPort: attribute(3, 'CTA_PROTO_DST_PORT', bigEndian16),
})

/** enum ctattr_tuple: one direction of a connection. */
export const conntrackTuple = attributeSet({
  addresses: attribute(1, 'CTA_TUPLE_IP', addresses),
  protocol: attribute(2, 'CTA_TUPLE_PROTO', protocol),
})

/** enum ctattr_filter */
const filter = attributeSet({
  originalFields: attribute(1, 'CTA_FILTER_ORIG_FLAGS', u32),
})

/**
 * The codec of connection messages. The tuples are left encoded: what a connection is deleted by
 * must be byte for byte what it was listed by.
 */
export const conntrackMessage = withAttributes(
  nfgenmsg,
  // enum ctattr_type
  attributeSet({
    original: attribute(1, 'CTA_TUPLE_ORIG', raw),
    reply: attribute(2, 'CTA_TUPLE_REPLY', raw),
    id: attribute(12, 'CTA_ID', raw),
    zone: attribute(18, 'CTA_ZONE', raw),
    filter: attribute(NLA_F_NESTED | 25, 'CTA_FILTER', filter),
  }),
)
