/** What rules of the table of the nftables backend say. */
import { commentOf, destinationOf, type ListedRule, sourceOf } from '../../lib/firewall/rule.ts'
import { contains, type Ip, sameIp } from '../../lib/ip/ip.ts'
import type { Claim } from './forwarding.ts'

/** The container that a rule is of; undefined when it is of no container. */
export function containerOf({ chain, rule }: ListedRule): string | undefined {
  const owned = ['hostports', 'hostip_hostports', 'masquerading'].includes(chain)
  const comment = commentOf(rule)
  return owned && comment !== '' ? comment : undefined
}

/** What a rule claims; undefined when it forwards no port. */
export function claimOf(listed: ListedRule): Claim | undefined {
  const containerId = containerOf(listed)
  const match = listed.rule.find((each) => 'port' in each)
  if (containerId === undefined || match === undefined) return undefined
  if (dnatOf(listed) === undefined) return undefined
  const hostIp = destinationOf(listed.rule)?.ip
  const { protocol, port: hostPort } = match
  return { owner: { containerId }, protocol, hostPort, ...(hostIp && { hostIp }) }
}

/**
 * Whether a rule of a container is for this address of it: the rule leads there, or is about the
 * subnet of the address.
 */
export function isFor(ip: Ip, listed: ListedRule): boolean {
  const { chain, rule } = listed
  const target = chain === 'masquerading' ? destinationOf(rule)?.ip : dnatOf(listed)
  if (target !== undefined) return sameIp(target, ip)
  const subnet = sourceOf(rule)
  return subnet !== undefined && contains(subnet, ip)
}

function dnatOf({ rule }: ListedRule): Ip | undefined {
  return rule.find((each) => 'dnat' in each)?.dnat.ip
}
