/** The alias of an attachment's host interface, which names the attachment. */
import { checkAttachment } from './attachment.ts'
import { CniError } from './errors.ts'

/** What an alias says: whose interface it is. */
export interface AliasedAttachment {
  readonly network: string
  readonly containerId: string
  readonly ifName: string
}

/**
 * Reads the alias `<network>/<containerID>/<interface>` that the bridge plugin gives to the host's
 * end of a veth pair. Undefined for any other text.
 */
export function parseAlias(alias: string): AliasedAttachment | undefined {
  const [network = '', containerId = '', ifName = '', ...rest] = alias.split('/')
  if (rest.length > 0) return undefined
  try {
    checkAttachment(network, { containerId, ifName })
    return { network, containerId, ifName }
  } catch (error) {
    if (error instanceof CniError) return undefined
    throw error
  }
}
