/** Addresses on the wire: RTM_NEWADDR and its kin (rtnetlink(7), linux/if_addr.h). */
import { attribute, attributeSet, withAttributes } from './attribute.ts'
import { ipAddress, u32 } from './payload.ts'
import { struct } from './struct.ts'

// linux/rtnetlink.h
export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22

// linux/if_addr.h: ifa_flags and IFA_FLAGS
export const IFA_F_TEMPORARY = 0x01
export const IFA_F_NODAD = 0x02
export const IFA_F_DADFAILED = 0x08
export const IFA_F_DEPRECATED = 0x20
export const IFA_F_TENTATIVE = 0x40
export const IFA_F_PERMANENT = 0x80

/** The codec of address messages. `allFlags` has more bits than the header's `flags`. */
export const addressMessage = withAttributes(
  // linux/if_addr.h
  struct('ifaddrmsg', 8, {
    family: ['u8', 0],
    prefix: ['u8', 1],
    flags: ['u8', 2],
    scope: ['u8', 3],
    index: ['u32', 4],
  }),
  // linux/if_addr.h: IFA_*
  attributeSet({
    local: attribute(2, 'IFA_LOCAL', ipAddress),
    broadcast: attribute(4, 'IFA_BROADCAST', ipAddress),
    address: attribute(1, 'IFA_ADDRESS', ipAddress),
    allFlags: attribute(8, 'IFA_FLAGS', u32),
  }),
)

/** An address message as it is read. */
export type AddressMessage = ReturnType<typeof addressMessage.decode>
