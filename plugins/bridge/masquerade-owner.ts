import type { Attachment } from '../../lib/cni/valid-attachments.ts'

/** Whose traffic is masqueraded. */
export interface MasqueradeOwner extends Attachment {
  /** The name of the network. */
  readonly network: string
}
