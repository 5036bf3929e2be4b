/** Pods with one web server each, which says the name of its pod, behind a port of the node. */
import type { Namespace } from '../../scripts/lab/node.ts'
import { inside, run } from '../../scripts/lab/run.ts'
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
const wait = `until ${get} "$1"; do sleep 0.1; done`

/** Makes a pod on the node, and returns when its server answers there. */
export async function runWebPod(
  cri: Cri,
  { netns }: Namespace,
  name: string,
  hostPort: number,
): Promise<WebPod> {
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
  const waiting = ['busybox', 'sh', '-c', wait, 'sh', `http://${address}`]
  const { code } = await run(inside(netns, ['timeout', '30', ...waiting]))
  if (code !== 0) throw new Error(`the server of pod ${name} at ${address} did not answer in 30 s`)
  return { name, hostPort, sandboxId, containerId, address }
}

/** Stops and removes a pod, as the kubelet does. */
export async function removePod(cri: Cri, { sandboxId }: WebPod): Promise<void> {
  await cri.stopPodSandbox(sandboxId)
  await cri.removePodSandbox(sandboxId)
}

/** What a namespace gets from each URL. */
export async function answers({ netns }: Namespace, urls: readonly string[]): Promise<string[]> {
  const { stdout } = await run(inside(netns, asking(urls)))
  return stdout.trimEnd().split('\n')
}

/** What a pod gets from each URL. */
export async function answersToPod(
  cri: Cri,
  { containerId }: WebPod,
  urls: readonly string[],
): Promise<string[]> {
  return (await cri.exec(containerId, asking(urls))).trimEnd().split('\n')
}

function asking(urls: readonly string[]): string[] {
  return ['busybox', 'sh', '-c', ask, 'sh', ...urls]
}
