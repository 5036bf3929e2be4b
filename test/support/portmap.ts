/**
 * A node with pods and a client on another machine, all made with iproute2, and the portmap plugin
 * called for the pods.
 */
import { join } from 'node:path'
import {
  addNamespace,
  makeNode,
  type Namespace,
  type Node,
  type Pod,
  type Scope,
} from '../../scripts/lab/node.ts'
import { inside, runSync } from '../../scripts/lab/run.ts'
import { type Network, networkOf } from './network.ts'
import { callPlugin } from './plugin-call.ts'

/** The node's addresses: on the wire to the client, and on the bridge with the pods. */
export const nodeIp = { 4: '192.0.2.1', 6: '2001:db8::1' } as const
export const secondNodeIp = { 4: '192.0.2.9', 6: '2001:db8::9' } as const
export const bridgeIp = { 4: '10.9.0.1', 6: 'fd09::1' } as const
export const clientIp = { 4: '192.0.2.2', 6: '2001:db8::2' } as const

export interface ConnectedPod extends Pod {
  readonly ip: { readonly 4: string; readonly 6: string }
}

export interface PortmapNode {
  readonly node: Node
  readonly client: Namespace
  /** The portmap plugin in a network named `net1`, with the keys of the node's configuration. */
  readonly network: Network
  /** The same with other keys, and by other programs than the plugin's executable. */
  networkWith(keys: object, argv?: Argv): Network
  /** Makes a pod with addresses of both families. */
  pod(): ConnectedPod
  /** Runs a program on the node, and returns its stdout; throws when it fails. */
  run(...argv: string[]): string
}

/** Makes the node, with a network that has the keys of `conf`. */
export function makePortmapNode(scope: Scope, conf: object = {}): PortmapNode {
  const node = makeNode(scope)
  const client = addNamespace(scope)
  shell(script.node, node.name, client.name)
  let last = 1
  return {
    node,
    client,
    network: network(node, conf),
    networkWith: (keys, argv) => network(node, keys, argv),
    pod() {
      const pod = node.pod()
      last++
      shell(script.pod, node.name, pod.name, String(last))
      return { ...pod, ip: { 4: `10.9.0.${last}`, 6: `fd09::${last}` } }
    },
    run: (...argv) => runSync(inside(node.netns, argv)),
  }
}

// Without duplicate address detection, which takes a second, neighbours are found at once.
const script = {
  node: `set -e
    sysctl() { ip netns exec $1 sh -c 'echo $1 > /proc/sys/net/$0' $2 $3; }
    sysctl $1 ipv4/ip_forward 1; sysctl $1 ipv6/conf/all/forwarding 1
    for namespace in $1 $2; do sysctl $namespace ipv6/conf/default/accept_dad 0; done
    ip -n $1 link add br0 type bridge; ip -n $1 link set br0 up
    ip -n $1 address add 10.9.0.1/24 dev br0; ip -n $1 address add fd09::1/64 dev br0 nodad
    ip -n $1 link add wire type veth peer name wire netns $2
    ip -n $1 link set wire up; ip -n $2 link set wire up; ip -n $2 link set lo up
    for last in 1 9; do
      ip -n $1 address add 192.0.2.$last/24 dev wire
      ip -n $1 address add 2001:db8::$last/64 dev wire nodad
    done
    ip -n $2 address add 192.0.2.2/24 dev wire; ip -n $2 address add 2001:db8::2/64 dev wire nodad
    ip -n $2 route add default via 192.0.2.1; ip -n $2 route add default via 2001:db8::1`,
  pod: `set -e
    ip netns exec $2 sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'
    ip -n $1 link add pod$3 type veth peer name eth0 netns $2
    ip -n $1 link set pod$3 master br0 up; ip -n $1 link set pod$3 type bridge_slave hairpin on
    ip -n $2 link set lo up; ip -n $2 link set eth0 up
    ip -n $2 address add 10.9.0.$3/24 dev eth0; ip -n $2 address add fd09::$3/64 dev eth0 nodad
    ip -n $2 route add default via 10.9.0.1; ip -n $2 route add default via fd09::1`,
}

function shell(text: string, ...args: string[]): void {
  runSync(['sh', '-c', text, 'sh', ...args])
}

/** A mapping as runtimes write it. */
export interface Mapping {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol?: string
  readonly hostIP?: string
}

/** The keys of a configuration that ask for host ports. */
export function ports(...portMappings: Mapping[]): object {
  return {
    runtimeConfig: { portMappings: portMappings.map((each) => ({ protocol: 'tcp', ...each })) },
  }
}

/** The result of the plugin before portmap, in the version of the configuration. */
export function prevResult(pod: Pod): object {
  const { ip } = pod as Partial<ConnectedPod> // a pod without a network has none
  const addresses = ip === undefined ? [] : [`${ip[4]}/24`, `${ip[6]}/64`]
  return {
    interfaces: [{ name: 'br0' }, { name: 'eth0', sandbox: pod.netns }],
    ips: addresses.map((address) => ({ address, interface: 1 })),
  }
}

/** The command line in place of an executable. */
type Argv = (executable: string) => readonly string[]

/** Debian's Go plugin, which knows nothing but iptables. */
export const goPlugin = '/usr/lib/cni/portmap'

function network(node: Node, common: object, argv: Argv = (executable) => [executable]): Network {
  return networkOf((command, pod, keys = {}, call = {}) =>
    callPlugin(node, 'portmap', {
      argv,
      command,
      containerId: pod.containerId,
      netns: pod.netns,
      ifName: 'eth0',
      conf: {
        ...{ cniVersion: '1.1.0', name: 'net1', type: 'portmap' },
        dataDir: join(node.dir, 'portmap'),
        ...(command !== 'STATUS' && command !== 'GC' && { prevResult: prevResult(pod) }),
        ...common,
        ...keys,
      },
      ...call,
    }),
  )
}
