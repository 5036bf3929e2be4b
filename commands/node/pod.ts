/** Which pod an attachment is of: runtimes of Kubernetes say so in CNI_ARGS. */
import type { NodeAttachment } from './attachments.ts'

export interface PodName {
  readonly namespace: string
  readonly name: string
}

/** The pod of an attachment; undefined when its runtime has not named one. */
export function podOf({ args }: Pick<NodeAttachment, 'args'>): PodName | undefined {
  const { K8S_POD_NAMESPACE: namespace, K8S_POD_NAME: name } = Object.fromEntries(args)
  return namespace === undefined || name === undefined ? undefined : { namespace, name }
}

/** How people know the container of an attachment: by its pod, or by the beginning of its ID. */
export function podText({ args, containerId }: NodeAttachment): string {
  const pod = podOf({ args })
  return pod === undefined ? `container ${shortId(containerId)}` : `${pod.namespace}/${pod.name}`
}

/** As much of a container ID as crictl shows. */
export function shortId(containerId: string): string {
  return containerId.slice(0, 13)
}
