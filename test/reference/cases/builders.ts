/** What most cases are made of. */
import type { Call, Case, Change, Step } from '../case.ts'

export const add: Call = { command: 'ADD' }
/** CHECK and DEL as a runtime calls them: with the result of the ADD. */
export const check: Call = { command: 'CHECK', conf: { prevResult: '$RESULT' } }
export const del: Call = { command: 'DEL', conf: { prevResult: '$RESULT' } }

export const life: readonly Step[] = [add, check, del]

/** The call with other variables. */
export function withEnv(call: Call, env: Readonly<Record<string, string | undefined>>): Call {
  return { ...call, env: { ...call.env, ...env } }
}

/** The call with other keys in its configuration. */
export function withKeys(call: Call, conf: object): Call {
  return { ...call, conf: { ...call.conf, ...conf } }
}

/** The call for the second interface of the pod. */
export function eth1(call: Call): Call {
  return withEnv(call, { CNI_IFNAME: 'eth1' })
}

/** The call for another pod. */
export function pod2(call: Call): Call {
  return withEnv(call, { CNI_CONTAINERID: 'c2', CNI_NETNS: '$POD2' })
}

/** The call for another container, in a sandbox that does not matter. */
export function container(id: string, call: Call): Call {
  return withEnv(call, { CNI_CONTAINERID: id })
}

export function shell(commands: string): Change {
  return { shell: commands }
}

/** Runs a command in the pod's namespace. */
export function inPod(command: string): Change {
  return shell(`nsenter --net="$POD" -- ${command}`)
}

/** Deletes the pod's namespace, and waits for the kernel to take its links apart. */
export const deletePod = shell(`ip netns delete "\${POD##*/}"
for try in $(seq 100); do ls /proc/sys/net/ipv4/conf | grep -q ^veth || break; sleep 0.05; done`)

/** The `ipam` key of host-local with its state in the node's folder. */
export function hostLocalIpam(keys: object): object {
  return { type: 'host-local', dataDir: '$DIR/networks', ...keys }
}

/** The same with a range set for each subnet. */
export function subnets(...list: readonly string[]): object {
  return hostLocalIpam({ ranges: list.map((subnet) => [{ subnet }]) })
}

/** A set-up with a bridge that has a MAC of its own, which no port changes. */
export const pinnedBridge = 'ip link add cni0 address 0a:58:0a:01:00:01 type bridge'

export const v4 = '10.1.2.0/24'
export const v6 = 'fd00::/64'

type Rest = Partial<Case>

function makeCase(plugin: string, name: string, conf: object, rest: Rest): Case {
  return {
    name: `${plugin}: ${name}`,
    plugin,
    conf: { cniVersion: '1.0.0', name: 'net1', type: plugin, ...conf },
    steps: life,
    ...rest,
  }
}

/** A case of the bridge plugin, with the life of a pod as its steps unless `rest` has others. */
export function bridge(name: string, conf: object, rest: Rest = {}): Case {
  return makeCase('bridge', name, conf, rest)
}

/** The same without IPAM: Go's bridge then takes the MAC of its first port, and CHECK fails. */
export function layer2(name: string, conf: object, rest: Rest = {}): Case {
  return bridge(name, conf, { differs: ['moving-mac', 'layer-2-check'], ...rest })
}

/** A case of host-local with these keys of `ipam`. */
export function hostLocal(name: string, ipam: object, rest: Rest & { keys?: object } = {}): Case {
  const { keys = {}, ...others } = rest
  const conf = { ipam: hostLocalIpam(ipam), ...keys }
  return makeCase('host-local', name, conf, { kernel: 'left alone', ...others })
}

export function loopback(name: string, conf: object, rest: Rest = {}): Case {
  return makeCase('loopback', name, conf, rest)
}

/** A case of portmap, on a node with a bridge that has 10.1.2.1 and fd00::1. */
export function portmap(name: string, conf: object, rest: Rest = {}): Case {
  const setUp = `${pinnedBridge}; ip link set cni0 up
ip address add 10.1.2.1/24 dev cni0; ip address add fd00::1/64 dev cni0
${rest.setUp ?? ''}`
  const steps: Step[] = ['ADD', 'CHECK', 'DEL'].map((command) => ({ command }))
  return makeCase('portmap', name, { dataDir: '$DIR/portmap', ...conf }, { steps, ...rest, setUp })
}
