/** The alias of an attachment's host interface, which names the attachment. */
import { type Attachment, checkAttachment } from './attachment.ts'
import { CniError } from './errors.ts'

/**
 * Reads the alias `<network>/<containerID>/<interface>` that the bridge plugin gives to the host's
 * end of a veth pair. Undefined for any other text.
 */
export function parseAlias(alias: string): Attachment | undefined {
  const [network = '', containerId = '', ifName = '', ...rest] = alias.split('/')
  if (rest.length > 0) return undefined
  const attachment = { network, containerId, ifName }
  try {
    checkAttachment(attachment)
    return attachment
  } catch (error) {
    if (error instanceof CniError) return undefined
    throw error
  }
}
