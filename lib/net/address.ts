/** Addresses of links: the verbs of ip-address(8). */
import { type Cidr, family, type Family, formatCidr, type Ip, lastIp } from '../ip/ip.ts'
import { addressFamily } from '../netlink/address-family.ts'
import {
  addressMessage,
  type AddressMessage,
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_NODAD,
  IFA_F_PERMANENT,
  IFA_F_TEMPORARY,
  IFA_F_TENTATIVE,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from '../netlink/address.ts'
import type { Connection, Request } from '../netlink/connection.ts'
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../netlink/message.ts'
import { indexName } from './link.ts'

/** An address as a link has it. */
export interface Address {
  readonly cidr: Cidr
  readonly broadcast?: Ip
  /** 0 is global, 253 link, 254 host (linux/rtnetlink.h, enum rt_scope_t). */
  readonly scope: number
  /** Duplicate address detection is still running. */
  readonly tentative: boolean
  /** Duplicate address detection found another owner. */
  readonly dadFailed: boolean
  /** It has no lifetime. */
  readonly permanent: boolean
  /** What the kernel said of it, for `addressRestore`. */
  readonly message: Uint8Array
}

/** An address, and what speaks for and against using it. */
export interface LinkAddress extends Address {
  readonly linkIndex: number
  /** Made for privacy and given up soon (RFC 8981); of IPv4, behind the first one of its prefix. */
  readonly temporary: boolean
  /** Its preferred lifetime is over: nothing new should begin with it. */
  readonly deprecated: boolean
}

export interface NewAddress {
  readonly cidr: Cidr
  /** Skip IPv6 duplicate address detection: the address can be used at once. */
  readonly nodad?: boolean
  /** Absent: the last address of an IPv4 prefix shorter than 31 bits, as the Go plugins have it. */
  readonly broadcast?: Ip
}

/** Adds an address. Throws a `NetlinkError`: `EEXIST` when the link has it already. */
export function addressAdd(connection: Connection, index: number, address: NewAddress): void {
  connection.execute(addressAddition(index, address))
}

/** The same as a request, which the kernel answers so. */
export function addressAddition(index: number, address: NewAddress): Request {
  const { cidr, nodad = false, broadcast = defaultBroadcast(cidr) } = address
  return {
    operation: `address add ${formatCidr(cidr)} dev ${indexName(index)}`,
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: addressMessage.encode({
      ...identify(index, cidr),
      flags: nodad ? IFA_F_NODAD : 0,
      broadcast,
    }),
  }
}

/** Deletes an address. Throws a `NetlinkError`: `EADDRNOTAVAIL` when the link does not have it. */
export function addressDelete(connection: Connection, index: number, cidr: Cidr): void {
  connection.execute(addressDeletion(index, cidr))
}

/** The same as a request, which the kernel answers so. */
export function addressDeletion(index: number, cidr: Cidr): Request {
  return {
    operation: `address delete ${formatCidr(cidr)} dev ${indexName(index)}`,
    type: RTM_DELADDR,
    payload: addressMessage.encode(identify(index, cidr)),
  }
}

/**
 * Adds an address that the link had, with all that belonged to it: scope, label, lifetimes. Throws a
 * `NetlinkError`: `EEXIST` when the link has it again.
 */
export function addressRestore(connection: Connection, index: number, address: Address): void {
  connection.execute({
    operation: `address restore ${formatCidr(address.cidr)} dev ${indexName(index)}`,
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: address.message,
  })
}

/** The addresses of one link, of one family or of both. */
export function addressList(connection: Connection, index: number, of?: Family): Address[] {
  const messages = connection.execute({
    operation: `address show dev ${indexName(index)}`,
    type: RTM_GETADDR,
    flags: NLM_F_DUMP,
    payload: addressMessage.encode({ index, ...(of && { family: addressFamily(of) }) }),
  })
  return messages
    .map(({ payload }) => ({ ...addressMessage.decode(payload), payload }))
    .filter((message) => message.index === index)
    .flatMap(decodeAddress)
}

/** The addresses of all links, of both families. */
export function addressListAll(connection: Connection): LinkAddress[] {
  const messages = connection.execute({
    operation: 'address show',
    type: RTM_GETADDR,
    flags: NLM_F_DUMP,
    payload: addressMessage.encode({}),
  })
  return messages.flatMap(({ payload }) => {
    const message = addressMessage.decode(payload)
    const flags = allFlags(message)
    return decodeAddress({ ...message, payload }).map((address) => ({
      ...address,
      linkIndex: message.index,
      temporary: (flags & IFA_F_TEMPORARY) !== 0,
      deprecated: (flags & IFA_F_DEPRECATED) !== 0,
    }))
  })
}

function identify(index: number, { ip, prefix }: Cidr) {
  return { family: addressFamily(family(ip)), index, prefix, local: ip, address: ip }
}

function defaultBroadcast(cidr: Cidr): Ip | undefined {
  return family(cidr.ip) === 4 && cidr.prefix < 31 ? lastIp(cidr) : undefined
}

/** The address of a message and its payload; none for a message without one. */
export function decodeAddress(message: AddressMessage & { payload: Uint8Array }): Address[] {
  const { local, address, prefix, scope, broadcast } = message
  const flags = allFlags(message)
  // on a point-to-point link `address` is the other end's
  const ip = local ?? address
  if (ip === undefined) return []
  return [
    {
      cidr: { ip, prefix },
      scope,
      ...(broadcast && { broadcast }),
      tentative: (flags & IFA_F_TENTATIVE) !== 0,
      dadFailed: (flags & IFA_F_DADFAILED) !== 0,
      permanent: (flags & IFA_F_PERMANENT) !== 0,
      message: message.payload,
    },
  ]
}

/** The flags with those that the header has no room for. */
function allFlags({ flags, allFlags: all = flags }: AddressMessage): number {
  return all
}
