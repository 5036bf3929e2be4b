/** The part of a container runtime that calls the plugins of a configuration list. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onNode } from '../lab/own-folders.ts'
import { run } from '../lab/run.ts'
import type { DemoNode } from './cluster.ts'

const binDir = '/opt/cni/bin'
const confFile = '/etc/cni/net.d/10-flannel.conflist'

/** A pod's sandbox, to be attached to the network as eth0. */
export interface Pod {
  readonly label: string
  readonly node: DemoNode
  readonly containerId: string
  /** The path of the network namespace. */
  readonly netns: string
  readonly ports: readonly PortMapping[]
}

/** The result of ADD, as far as the demo shows it. */
export interface Result {
  readonly interfaces: readonly { readonly name: string; readonly sandbox?: string }[]
  readonly ips: readonly { readonly address: string; readonly gateway: string }[]
}

/** A port of the node that leads to one of the pod. */
export interface PortMapping {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
}

/**
 * Attaches a pod by all plugins of the list, each of which gets the result of the one before. Also
 * returns how many milliseconds they took.
 */
export async function attach(pod: Pod): Promise<{ result: Result; ms: number }> {
  const start = performance.now()
  let result: Result | undefined
  for (const plugin of plugins(pod)) {
    result = JSON.parse(await call('ADD', plugin, pod, result)) as Result // the plugin's own format
  }
  if (result === undefined) throw new Error(`${confFile} lists no plugin`)
  return { result, ms: Math.round(performance.now() - start) }
}

/** Has all plugins check the attachment that had this result. */
export async function check(pod: Pod, result: Result): Promise<void> {
  for (const plugin of plugins(pod)) await call('CHECK', plugin, pod, result)
}

/** Takes the attachment back, the last plugin first. */
export async function detach(pod: Pod, result: Result): Promise<void> {
  for (const plugin of plugins(pod).reverse()) await call('DEL', plugin, pod, result)
}

/** Runs one plugin for a pod; throws when it fails, with its error object. */
async function call(
  command: string,
  plugin: Plugin,
  pod: Pod,
  prevResult: Result | undefined,
): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    CNI_COMMAND: command,
    CNI_CONTAINERID: pod.containerId,
    CNI_NETNS: pod.netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: binDir,
  }
  const runtimeConfig = plugin.capabilities?.portMappings && { portMappings: pod.ports }
  const stdin = JSON.stringify({ ...plugin, runtimeConfig, prevResult })
  const argv = onNode(pod.node, [`${binDir}/${plugin.type}`])
  const { code, stdout, stderr } = await run(argv, { env, stdin })
  if (code === 0) return stdout
  throw new Error(`${command} of ${pod.label} failed: ${stdout}${stderr}`)
}

interface Plugin {
  readonly type: string
  readonly capabilities?: { readonly portMappings?: boolean }
}

/** The plugins of the list, each with the list's name. */
function plugins({ node }: Pod): Plugin[] {
  const list = JSON.parse(readFileSync(join(node.dir, confFile), 'utf8')) as {
    name: string
    plugins: Plugin[]
  }
  return list.plugins.map((plugin) => ({ ...plugin, name: list.name, cniVersion: '1.1.0' }))
}
