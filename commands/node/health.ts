/** What is wrong with an attachment: pure. */
import { formatCidr, formatIp, sameCidr } from '../../lib/ip/ip.ts'
import type { NodeAttachment } from './attachments.ts'
import { footprints } from './plugin-calls.ts'
import { shortId } from './pod.ts'
import type { Store } from './reservations.ts'
import type { SandboxState } from './sandbox-state.ts'

/**
 * The first thing that is not as it was made, in a few words; empty when there is none.
 * `stores` are those of the whole node.
 */
export function problemOf(
  attachment: NodeAttachment,
  sandbox: SandboxState,
  stores: readonly Store[],
): string {
  return (
    sandboxProblem(attachment, sandbox) ??
    portProblem(attachment) ??
    reservationProblem(attachment, stores) ??
    ''
  )
}

function sandboxProblem(
  { ifName, result, port }: NodeAttachment,
  sandbox: SandboxState,
): string | undefined {
  if (sandbox.state !== 'there') {
    if (result === undefined && port === undefined) return 'nothing but its address is left'
    return sandbox.state === 'gone' ? 'its network namespace is gone' : undefined
  }
  if (sandbox.link === undefined) return `${ifName} is gone`
  if (!sandbox.link.up) return `${ifName} is down`
  const missing = result?.ips.find(
    ({ address }) => !sandbox.addresses.some((found) => sameCidr(found, address)),
  )
  return missing && `${ifName} lacks ${formatCidr(missing.address)}`
}

function portProblem({ result, port }: NodeAttachment): string | undefined {
  const hostNames = (result?.interfaces ?? [])
    .filter(({ sandbox = '' }) => sandbox === '')
    .map(({ name }) => name)
  if (port === undefined) {
    const veth = hostNames.find((name) =>
      footprints.some(({ links }) => links?.isHostEndName(name)),
    )
    return veth && `${veth} is gone`
  }
  // Without a result it is known by its alias, and in a bridge; with one, the result tells.
  const isBridged = result === undefined || hostNames.some((name) => name !== port.name)
  if (isBridged && port.master === undefined) return `${port.name} is not in a bridge`
  return port.operState === 'up' ? undefined : `${port.name} is ${port.operState}`
}

/** An address that somebody else may get, or has. Only host-local tells who has an address. */
function reservationProblem(
  { network, containerId, result }: NodeAttachment,
  stores: readonly Store[],
): string | undefined {
  const own = stores.filter((store) => store.network === network)
  if (own.length === 0) return undefined
  const reservations = own.flatMap((store) => store.reservations)
  for (const address of (result?.ips ?? []).map((ip) => formatIp(ip.address.ip))) {
    const holder = reservations.find((each) => each.address === address)
    if (holder === undefined) return `${address} is not reserved`
    if (holder.containerId !== containerId) {
      return `${address} is reserved for ${shortId(holder.containerId)}`
    }
  }
  return undefined
}
