import { CniError, ErrorCode } from '../../lib/cni/errors.ts'

/** A difference that CHECK found in the attachment, as an error. */
export function difference(message: string): CniError {
  const remedy = 'the pod has to be made anew: delete it, and its controller replaces it'
  return new CniError(ErrorCode.internal, message, remedy)
}

/** A difference in the bridge that every ADD puts right. */
export function bridgeDifference(message: string): CniError {
  const remedy = 'the next pod that starts on this node repairs the bridge'
  return new CniError(ErrorCode.internal, message, remedy)
}
