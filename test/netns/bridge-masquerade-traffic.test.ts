/** What masquerading does to packets: who sees which source. */
import { existsSync } from 'node:fs'
import t from 'tap'
import {
  addNamespace,
  kernelSkip,
  makeNode,
  type Namespace,
  type Node,
  type Scope,
  setSysctl,
} from '../../scripts/lab/node.ts'
import { inside, missingProgram, run, runSync } from '../../scripts/lab/run.ts'
import { makeNetwork } from '../support/bridge-network.ts'
import { type Capture, startCapture } from '../support/capture.ts'
import { firewallSkip } from '../support/firewall.ts'
import { reaches } from '../support/ip.ts'
import { hostLocal } from '../support/ipam.ts'
import type { Output } from '../support/plugin-call.ts'

t.jobs = 4 // they mostly wait for answers that do not come

const skip = kernelSkip() || firewallSkip() || missingProgram('tcpdump')

interface Family {
  readonly subnet: string
  /** The addresses of the node and of a machine beside it, and their prefix length. */
  readonly node: string
  readonly machine: string
  readonly prefix: number
  /** A group of multicast. */
  readonly group: string
  readonly echoRequest: string
  /** Whether packets between the ports of a bridge pass the filter too. */
  readonly bridgeSysctl: string
}

const families: Readonly<Record<string, Family>> = {
  IPv4: {
    subnet: '10.1.2.0/24',
    node: '192.0.2.1',
    machine: '192.0.2.2',
    prefix: 24,
    group: '239.1.1.1',
    echoRequest: 'icmp[icmptype] == icmp-echo',
    bridgeSysctl: 'net/bridge/bridge-nf-call-iptables',
  },
  IPv6: {
    subnet: '2001:db8:1::/64',
    node: '2001:db8:2::1',
    machine: '2001:db8:2::2',
    prefix: 64,
    group: 'ff05::123',
    echoRequest: 'icmp6[icmp6type] == icmp6-echo',
    bridgeSysctl: 'net/bridge/bridge-nf-call-ip6tables',
  },
}

/** Puts a machine beside the node that knows no way to pods. */
function addMachine(scope: Scope, node: Node, family: Family): void {
  const machine = addNamespace(scope)
  const pair = `link add wire netns ${node.name} type veth peer name wire netns ${machine.name}`
  runSync(['ip', ...pair.split(' ')])
  addAddress(node, `${family.node}/${family.prefix}`)
  addAddress(machine, `${family.machine}/${family.prefix}`)
}

function addAddress({ name }: Namespace, address: string): void {
  const noDad = address.includes(':') ? ['nodad'] : []
  runSync(['ip', '-n', name, 'address', 'add', address, 'dev', 'wire', ...noDad])
  runSync(['ip', '-n', name, 'link', 'set', 'wire', 'up'])
}

const addressOf = ({ ips: [ip] = [] }: Output) => ip?.address.replace(/\/.*/, '') ?? ''
const portOf = ({ interfaces: [, port] = [] }: Output) => port?.name ?? ''

/** Source and destination of each echo request that was captured, each pair once. */
async function requests(capture: Capture, { echoRequest }: Family): Promise<string[]> {
  await capture.stop()
  const lines = await capture.packets(echoRequest)
  return [...new Set(lines.map((line) => line.replace(/^IP6? (\S+ > \S+): .*/, '$1')))]
}

for (const [name, family] of Object.entries(families)) {
  for (const ipMasqBackend of ['iptables', 'nftables']) {
    t.test(`${name} by ${ipMasqBackend}`, { skip }, async (t) => {
      const node = makeNode(t)
      addMachine(t, node, family)
      const [pod, other, plain] = [node.pod(), node.pod(), node.pod()]
      const ipam = hostLocal(node, family.subnet)
      const network = makeNetwork(node, { isDefaultGateway: true, ipMasqBackend, ipam })
      const source = addressOf(await network.attach(pod, { ipMasq: true }))
      const result = await network.attach(other, { ipMasq: true })
      await network.attach(plain)

      const wire = await startCapture(t, node, 'wire')
      t.ok(await reaches(pod, family.machine), 'the machine answers, which knows only the node')
      t.strictSame(await requests(wire, family), [`${family.node} > ${family.machine}`])
      t.notOk(await reaches(plain, family.machine), 'not so a pod without masquerading')

      // Where it is missing, br_netfilter is: packets inside the subnet meet no rule at all.
      if (existsSync(`/proc/sys/${family.bridgeSysctl}`)) setSysctl(node, family.bridgeSysctl, '1')
      const port = await startCapture(t, node, portOf(result))
      t.ok(await reaches(pod, addressOf(result)), 'a pod reaches another')
      await run(inside(pod.netns, ['ping', '-n', '-c', '1', '-w', '1', '-I', 'eth0', family.group]))
      t.strictSame(
        await requests(port, family),
        [`${source} > ${addressOf(result)}`, `${source} > ${family.group}`],
        'the other pod sees its address, and so does a group',
      )
    })
  }
}
