/** The plugins that faults are injected into, each on a node where it has something to change. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { binDir } from './executables.ts'
import { ruleTraces } from './firewall.ts'
import { makeFlannelNetwork } from './flannel-network.ts'
import { subnetEnv } from './flannel.ts'
import { veths } from './bridge-network.ts'
import { networkOf, type Network } from './network.ts'
import { makeNode, type Node, type Pod, type Scope } from './node.ts'
import { callPlugin } from './plugin-call.ts'
import { makePortmapNode, ports } from './portmap.ts'
import { recordsOf, tracesOf } from './portmap-rules.ts'
import { links } from './ip.ts'
import { recorded, recording, type SystemCall } from './system-calls.ts'

export interface Subject {
  readonly node: Node
  readonly network: Network
  readonly pod: Pod
  /** The folders that it keeps state in. */
  readonly state: readonly string[]
  /** What there is of attachments on the node and in the pod. */
  traces(): string[]
}

/** How to set each of them up; the plugin's name is the key. */
export const subjects: Readonly<Record<string, (scope: Scope) => Subject>> = {
  flannel(scope) {
    const node = makeNode(scope)
    const pod = node.pod()
    const delegate = { hairpinMode: true, isDefaultGateway: true, ipMasq: true }
    const network = makeFlannelNetwork(node, subnetEnv, { delegate })
    const traces = () => [
      ...veths(node).map(({ ifname }) => ifname),
      ...links(pod).flatMap(({ ifname }) => (ifname === 'lo' ? [] : ifname)),
      ...ruleTraces(node),
      ...filesIn(node, 'flannel'),
      ...filesIn(node, 'networks/cbr0'),
    ]
    return { node, network, pod, state: ['flannel', 'networks'], traces }
  },

  'host-local'(scope) {
    const node = makeNode(scope)
    const network = hostLocalNetwork(node, '10.1.2.0/24', 'fd00::/64')
    const traces = () => filesIn(node, 'networks/net1')
    return { node, network, pod: node.pod(), state: ['networks'], traces }
  },

  portmap(scope) {
    const setup = makePortmapNode(scope, ports({ hostPort: 8080, containerPort: 80 }))
    const { node, network } = setup
    const pod = setup.pod()
    // a record without its name yet opens no port: the next ADD of the attachment replaces it
    const records = () => recordsOf(setup).filter((name) => !name.startsWith('.'))
    const traces = () => [...records(), ...tracesOf(setup, pod)]
    return { node, network, pod, state: ['portmap'], traces }
  },
}

/** Sets a plugin up, in the state in which a command has something to do. */
export async function prepare(plugin: string, command: string, scope: Scope): Promise<Subject> {
  const subject = subjects[plugin]?.(scope)
  if (subject === undefined) throw new Error(`${plugin} is not among the subjects`)
  if (command === 'DEL') await subject.network.attach(subject.pod)
  return subject
}

/** The system calls by which a command changes something. */
export async function callsOf(
  plugin: string,
  command: string,
  scope: Scope,
): Promise<SystemCall[]> {
  const { node, network, pod } = await prepare(plugin, command, scope)
  const { code, stdout } = await network.call(command, pod, {}, { argv: recording(node.dir) })
  if (code !== 0) throw new Error(`${plugin} ${command}: ${stdout}`)
  return recorded(node.dir)
}

/** host-local by itself, each subnet a range set. */
export function hostLocalNetwork(node: Node, ...subnets: string[]): Network {
  const ipam = {
    type: 'host-local',
    dataDir: join(node.dir, 'networks'),
    ranges: subnets.map((subnet) => [{ subnet }]),
  }
  return networkOf((command, { containerId, netns }, keys = {}, rest = {}) =>
    callPlugin(node, 'host-local', {
      ...{ command, containerId, netns, ifName: 'eth0', path: binDir() },
      conf: { cniVersion: '1.1.0', name: 'net1', type: 'bridge', ipam, ...keys },
      ...rest,
    }),
  )
}

/** Files that are about one attachment: neither locks nor what is only a memory of the last one. */
function filesIn({ dir }: Node, folder: string): string[] {
  const path = join(dir, folder)
  if (!existsSync(path)) return []
  return readdirSync(path).filter((name) => !/^lock(?:\.lock)?$|^last_reserved_ip\./.test(name))
}
