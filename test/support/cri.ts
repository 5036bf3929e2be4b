/** What a kubelet asks of a runtime: the CRI, by gRPC. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader'
import type { Containerd } from './containerd.ts'

const protocol = loadSync(join(import.meta.dirname, '../runtime/cri.proto'), {
  enums: String,
  defaults: true,
})
const methods = {
  ...(protocol['runtime.v1.RuntimeService'] as ServiceDefinition), // as cri.proto has it
  ...(protocol['runtime.v1.ImageService'] as ServiceDefinition), // as cri.proto has it
}

/** The longest that a call may take, in milliseconds. */
const timeout = 60_000

export interface PodSandboxConfig {
  readonly metadata: { readonly name: string; readonly uid: string; readonly namespace: string }
  readonly hostname: string
  readonly portMappings: readonly { readonly hostPort: number; readonly containerPort: number }[]
  readonly linux: object
}

interface PodSandbox {
  readonly id: string
  readonly state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY'
}

interface Condition {
  readonly type: string
  readonly status: boolean
  readonly message: string
}

/** A client of containerd. With the scope every pod is removed, and the connection closed. */
export function startCri(
  { socket }: Containerd,
  scope: { teardown(stop: () => Promise<void>): void },
): Cri {
  const cri = new Cri(socket)
  scope.teardown(async () => {
    for (const id of await cri.readyPods()) await cri.removePodSandbox(id)
    cri.close()
  })
  return cri
}

export class Cri {
  readonly #client: Client

  /** A client of the runtime that listens on a Unix socket. */
  constructor(socket: string) {
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure())
  }

  close(): void {
    this.#client.close()
  }

  /** Waits until the runtime and its network are ready, and the image is known. */
  async ready(image: string): Promise<void> {
    const deadline = Date.now() + 20_000
    for (;;) {
      const problem = await this.#problem(image)
      if (problem === undefined) return
      if (Date.now() > deadline) throw new Error(`the runtime is not ready after 20 s: ${problem}`)
      await sleep(50)
    }
  }

  async #problem(image: string): Promise<string | undefined> {
    try {
      const { status } = await this.#call<{ status: { conditions: Condition[] } }>('Status', {})
      const failing = status.conditions.find(({ status }) => !status)
      if (failing !== undefined) return `${failing.type}: ${failing.message}`
      const found = await this.#call<{ image: object | null }>('ImageStatus', { image: { image } })
      return found.image === null ? `no image ${image}` : undefined
    } catch (error) {
      return String(error) // containerd listens before its CRI plugin is there
    }
  }

  /** Makes a pod's sandbox with its network, and returns its ID. */
  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    const reply = await this.#call<{ podSandboxId: string }>('RunPodSandbox', { config })
    return reply.podSandboxId
  }

  /** Removes the network of a sandbox and ends its processes. */
  async stopPodSandbox(podSandboxId: string): Promise<void> {
    await this.#call('StopPodSandbox', { podSandboxId })
  }

  async removePodSandbox(podSandboxId: string): Promise<void> {
    await this.#call('RemovePodSandbox', { podSandboxId })
  }

  /** The address of a pod, as the kubelet learns it. */
  async podAddress(podSandboxId: string): Promise<string> {
    const reply = await this.#call<{ status: { network: { ip: string } } }>('PodSandboxStatus', {
      podSandboxId,
    })
    return reply.status.network.ip
  }

  /** The IDs of the sandboxes that run. */
  async readyPods(): Promise<string[]> {
    const { items } = await this.#call<{ items: PodSandbox[] }>('ListPodSandbox', {})
    return items.filter(({ state }) => state === 'SANDBOX_READY').map(({ id }) => id)
  }

  /** Creates a container in a sandbox, starts it, and returns its ID. */
  async runContainer(
    podSandboxId: string,
    sandboxConfig: PodSandboxConfig,
    image: string,
    command: readonly string[],
  ): Promise<string> {
    const config = { metadata: { name: 'main' }, image: { image }, command, linux: {} }
    const request = { podSandboxId, sandboxConfig, config }
    const { containerId } = await this.#call<{ containerId: string }>('CreateContainer', request)
    await this.#call('StartContainer', { containerId })
    return containerId
  }

  /** Runs a command in a container, and returns its stdout; rejects when it fails. */
  async exec(containerId: string, cmd: readonly string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await this.#call<{
      stdout: Buffer
      stderr: Buffer
      exitCode: number
    }>('ExecSync', { containerId, cmd, timeout: timeout / 1000 })
    if (exitCode !== 0)
      throw new Error(`${cmd.join(' ')}: exit status ${exitCode}: ${stderr.toString()}`)
    return stdout.toString()
  }

  #call<Reply>(name: string, request: object): Promise<Reply> {
    const method = methods[name]
    if (method === undefined) throw new Error(`cri.proto has no method ${name}`)
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        (bytes) => method.responseDeserialize(bytes) as Reply, // as cri.proto has it
        request,
        new Metadata({ waitForReady: true }),
        { deadline: Date.now() + timeout },
        (error, reply) => {
          if (error !== null) reject(new Error(`${name}: ${error.message}`, { cause: error }))
          else resolve(reply as Reply) // present when there is no error
        },
      )
    })
  }
}
