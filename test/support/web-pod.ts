/** Pods with one web server each, which says the name of its pod, behind a port of the node. */
import { imageName } from './busybox-image.ts'
import type { Cri, PodSandboxConfig } from './cri.ts'

export interface WebPod {
  readonly name: string
  /** The port of the node that leads to port 80 of the pod. */
  readonly hostPort: number
  readonly sandboxId: string
  readonly containerId: string
  readonly address: string
}

const serve = 'mkdir /www; printf %s "$1" > /www/index.html; exec httpd -f -p 80 -h /www'
const get = 'busybox timeout 5 busybox wget -q -O -'
const ask = `for url; do ${get} "$url" || printf '%s is silent' "$url"; echo; done`
const wait = `until ${get} http://127.0.0.1; do sleep 0.1; done`

/** Makes a pod with the network of the node; the server is reachable when this returns. */
export async function runWebPod(cri: Cri, name: string, hostPort: number): Promise<WebPod> {
  const config: PodSandboxConfig = {
    metadata: { name, uid: `uid-${name}`, namespace: 'default' },
    hostname: name,
    portMappings: [{ hostPort, containerPort: 80 }],
    linux: {},
  }
  const sandboxId = await cri.runPodSandbox(config)
  const server = ['sh', '-c', serve, 'sh', name]
  const containerId = await cri.runContainer(sandboxId, config, imageName, server)
  const address = await cri.podAddress(sandboxId)
  await cri.exec(containerId, ['sh', '-c', wait])
  return { name, hostPort, sandboxId, containerId, address }
}

/** Stops and removes a pod, as the kubelet does. */
export async function removePod(cri: Cri, { sandboxId }: WebPod): Promise<void> {
  await cri.stopPodSandbox(sandboxId)
  await cri.removePodSandbox(sandboxId)
}

/** The command that prints the answer of each URL, one a line. */
export function asking(urls: readonly string[]): string[] {
  return ['busybox', 'sh', '-c', ask, 'sh', ...urls]
}
