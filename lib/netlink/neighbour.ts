/** Neighbours and FDB entries on the wire: RTM_NEWNEIGH and its kin (linux/neighbour.h). */
import { attribute, attributeSet, withAttributes } from './attribute.ts'
import { ipAddress, macAddress, u16, u32 } from './payload.ts'
import { struct } from './struct.ts'

// linux/rtnetlink.h
export const RTM_NEWNEIGH = 28
export const RTM_DELNEIGH = 29
export const RTM_GETNEIGH = 30

// linux/neighbour.h: ndm_state
export const NUD_NOARP = 0x40
export const NUD_PERMANENT = 0x80
// linux/neighbour.h: ndm_flags
export const NTF_SELF = 0x2

/** The codec of neighbour messages. */
export const neighbourMessage = withAttributes(
  // linux/neighbour.h
  struct('ndmsg', 12, {
    family: ['u8', 0],
    index: ['i32', 4],
    state: ['u16', 8],
    flags: ['u8', 10],
    type: ['u8', 11],
  }),
  // linux/neighbour.h: NDA_*
  attributeSet({
    dst: attribute(1, 'NDA_DST', ipAddress),
    mac: attribute(2, 'NDA_LLADDR', macAddress),
    vlan: attribute(5, 'NDA_VLAN', u16),
    ofIndex: attribute(8, 'NDA_IFINDEX', u32),
    master: attribute(9, 'NDA_MASTER', u32),
  }),
)

/** A neighbour message as it is read. */
export type NeighbourMessage = ReturnType<typeof neighbourMessage.decode>
