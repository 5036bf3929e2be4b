/** The plugins that faults are injected into, each on a node where it has something to change. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { binDir } from '../../scripts/lab/executables.ts'
import { makeNode, type Node, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { makeNetwork, veths } from './bridge-network.ts'
import { ruleset, ruleTraces } from './firewall.ts'
import { makeFlannelNetwork } from './flannel-network.ts'
import { subnetEnv } from './flannel.ts'
import { links } from './ip.ts'
import { hostLocal } from './ipam.ts'
import { type Network, networkOf } from './network.ts'
import { callPlugin } from './plugin-call.ts'
import { recordsOf, tracesOf } from './portmap-rules.ts'
import { makePortmapNode, ports } from './portmap.ts'
import { filesBelow, interfaces } from './snapshot.ts'

export interface Subject {
  readonly node: Node
  readonly network: Network
  readonly pod: Pod
  /** Makes another one, whose attachment does not get in the way of the first one's. */
  addPod(): Pod
  /** The folders that it keeps state in. */
  readonly state: readonly string[]
  /** What there is of attachments on the node and in the pods. */
  traces(): string[]
}

/** How to set each of them up; the plugin's name is the key. */
export const subjects: Readonly<Record<string, (scope: Scope) => Subject>> = {
  flannel(scope) {
    const node = makeNode(scope)
    const { pods, ...subject } = podsOf(() => node.pod())
    const delegate = { hairpinMode: true, isDefaultGateway: true, ipMasq: true }
    const network = makeFlannelNetwork(node, subnetEnv, { delegate })
    const traces = () => [
      ...linkTraces(node, pods),
      ...ruleTraces(node),
      ...filesIn(node, 'flannel'),
      ...filesIn(node, 'networks/cbr0'),
    ]
    return { ...subject, node, network, state: ['flannel', 'networks'], traces }
  },

  bridge(scope) {
    const node = makeNode(scope)
    const { pods, ...subject } = podsOf(() => node.pod())
    const network = makeNetwork(node, {
      ...{ isGateway: true, ipMasq: true, ipMasqBackend: 'nftables', macspoofchk: true },
      ipam: hostLocal(node, '10.1.2.0/24', 'fd00::/64'),
    })
    const traces = () => [
      ...linkTraces(node, pods),
      ...ruleTraces(node),
      ...filesIn(node, 'networks/net1'),
    ]
    return { ...subject, node, network, state: ['networks'], traces }
  },

  'host-local'(scope) {
    const node = makeNode(scope)
    const { pods: _, ...subject } = podsOf(() => node.pod())
    const network = hostLocalNetwork(node, '10.1.2.0/24', 'fd00::/64')
    const traces = () => filesIn(node, 'networks/net1')
    return { ...subject, node, network, state: ['networks'], traces }
  },

  portmap(scope) {
    const setup = makePortmapNode(scope)
    const { node } = setup
    const { pods, ...subject } = podsOf(() => setup.pod())
    const network = networkOf((command, pod, keys, call) => {
      const mapping = ports({ hostPort: 8080 + pods.indexOf(pod), containerPort: 80 })
      return setup.network.call(command, pod, { ...mapping, ...keys }, call)
    })
    const traces = () => [...recordsOf(setup), ...pods.flatMap((pod) => tracesOf(setup, pod))]
    return { ...subject, node, network, state: ['portmap'], traces }
  },
}

/** Sets a plugin up, in the state in which a command has something to do. */
export async function prepare(plugin: string, command: string, scope: Scope): Promise<Subject> {
  const subject = subjects[plugin]?.(scope)
  if (subject === undefined) throw new Error(`${plugin} is not among the subjects`)
  if (command === 'DEL') await subject.network.attach(subject.pod)
  return subject
}

/** All that a subject is made of, but for the address that was given last: to compare two of them. */
export function stateOf({ node, pod, state }: Subject): object {
  const files = state.map((folder) => filesBelow(join(node.dir, folder)))
  const isFixed = ([name]: [string, string]) => !name.includes('last_reserved_ip.')
  // what portmap finds connected, however many those are
  const isPort = ({ ifname }: { readonly ifname: string }) => /^pod\d/.test(ifname)
  return {
    interfaces: [node, pod].map((each) => interfaces(each).filter((link) => !isPort(link))),
    rules: JSON.stringify(ruleset(node), (key, value: unknown) => (key === 'counter' ? {} : value)),
    files: files.map((each) => Object.fromEntries(Object.entries(each).filter(isFixed))),
  }
}

/** host-local by itself, each subnet a range set. */
export function hostLocalNetwork(node: Node, ...subnets: string[]): Network {
  return networkOf((command, { containerId, netns }, keys = {}, rest = {}) =>
    callPlugin(node, 'host-local', {
      ...{ command, containerId, netns, ifName: 'eth0', path: binDir() },
      conf: {
        ...{ cniVersion: '1.1.0', name: 'net1', type: 'bridge' },
        ipam: hostLocal(node, ...subnets),
        ...keys,
      },
      ...rest,
    }),
  )
}

/** The first pod, a way to make others, and all that have been made. */
function podsOf(make: () => Pod) {
  const pod = make()
  const pods = [pod]
  const addPod = () => {
    const next = make()
    pods.push(next)
    return next
  }
  return { pod, pods, addPod }
}

function linkTraces(node: Node, pods: readonly Pod[]): string[] {
  const inPods = pods.flatMap(links).filter(({ ifname }) => ifname !== 'lo')
  return [...veths(node), ...inPods].map(({ ifname }) => ifname)
}

/** Files that are about one attachment: neither locks nor what is only a memory of the last one. */
function filesIn({ dir }: Node, folder: string): string[] {
  const path = join(dir, folder)
  if (!existsSync(path)) return []
  return readdirSync(path).filter((name) => !/^lock(?:\.lock)?$|^last_reserved_ip\./.test(name))
}
