/** The demo's story. It throws at the first thing that is not as it tells. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseIp } from '../../lib/ip/ip.ts'
import { inside, run, runSync } from '../lab/run.ts'
import { type Cluster, type DemoNode, eventually, networkConf, wire } from './cluster.ts'
import { type Device, follow, type Header, type Hop } from './hops.ts'
import { attach, check, detach, type Pod, type PortMapping, type Result } from './runtime.ts'
import { confirm, quote, say, title } from './text.ts'

const saved = 'var/lib/cni/flannel'
const addresses = 'var/lib/cni/networks/cbr0'
const leases = '/coreos.com/network/subnets/'

const web: PortMapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }

/** A pod that has its network. */
interface Attached {
  readonly pod: Pod
  readonly result: Result
  readonly address: string
}

export async function tell(cluster: Cluster): Promise<void> {
  const { nodes, etcd } = cluster
  const [one, two] = nodes

  title('Two nodes, and an agent on each')
  say(`Two nodes on a wire: ${one.address} and ${two.address}. etcd has the configuration:`)
  quote(networkConf)
  const agents = nodes.map((node) => cluster.startAgent(node))
  say('On each of them this is started:')
  quote(agents[0]?.command ?? '')
  await Promise.all(agents.map((agent) => agent.ready()))
  say('Each agent has leased a subnet. The leases in etcd:')
  quote(etcd.ctl('get', '--prefix', leases))
  say('For the CNI plugins each has written /run/flannel/subnet.env; that of node one:')
  quote(readFileSync(join(one.dir, 'run/flannel/subnet.env'), 'utf8'))

  title('What the agent has made on node one')
  const subnet = subnetOf(two)
  await eventually(
    () => 'the route to node two',
    () => routeTo(one, subnet) !== '',
  )
  say('flannel.1, whose packets go to the other node by three entries:')
  const ofFlannel = (...words: string[]) => runSync(['ip', '-n', one.name, ...words]).trim()
  quote(ofFlannel('-brief', 'address', 'show', 'flannel.1'))
  quote(`ip route         ${routeTo(one, subnet)}`)
  quote(`ip neighbour     ${ofFlannel('neighbour', 'show', 'dev', 'flannel.1')}`)
  quote(`bridge fdb       ${fdbOf(one, two.address)}`)

  title('A pod on each node gets a network')
  const first = await start(podOn(one, 'pod one', []))
  const second = await start(podOn(two, 'pod two', [web]))
  say('Pod two also has a host port: portmap made the rules for it.')

  title('The path of a packet')
  quote(await follow(path(first, second), () => ping(first, second)))
  await ping(second, first)

  title('The host port')
  await fetchFrom(second, `${two.address}:${web.hostPort}`, first)

  title('What somebody changes is put right')
  runSync(['ip', '-n', one.name, 'route', 'delete', subnet])
  say(`Somebody deletes the route of node one to ${subnet}.`)
  const ms = await eventually(
    () => 'the route is back',
    () => routeTo(one, subnet) !== '',
  )
  confirm(`after ${ms} ms the agent has it back: ${routeTo(one, subnet)}`)
  await ping(first, second)

  title('The agents end')
  await Promise.all(agents.map((agent) => agent.stop()))
  say('Devices, routes, rules and subnet.env stay: pods go on talking until the next agent starts.')
  await ping(first, second)

  title('The pods are checked, and go')
  for (const { pod, result } of [first, second]) {
    await check(pod, result)
    await detach(pod, result)
    expectNothingLeft(pod.node)
    confirm(`CHECK and DEL of ${pod.label}: no veth, address or saved configuration is left`)
  }
}

function podOn(node: DemoNode, label: string, ports: readonly PortMapping[]): Pod {
  const { netns, containerId } = node.pod()
  return { label, node, containerId, netns, ports }
}

/** Attaches a pod, and says so. */
async function start(pod: Pod): Promise<Attached> {
  const { result, ms } = await attach(pod)
  const address = result.ips[0]?.address.split('/')[0] ?? ''
  const [veth] = result.interfaces.map(({ name }) => name).filter((name) => /^veth/.test(name))
  confirm(`${pod.label} on ${pod.node.label}: ${address} after ${ms} ms, eth0 ═══ ${veth} ─── cni0`)
  const files = readdirSync(join(pod.node.dir, addresses))
  if (!files.includes(address)) throw new Error(`${addresses} has no ${address}: ${files.join()}`)
  return { pod, result, address }
}

/** The hops of a packet, and the headers that it is to have there. */
function path(left: Attached, right: Attached): Hop[] {
  const [one, two] = [left.pod.node, right.pod.node]
  const at = ({ label, netns }: DemoNode | Pod, name: string): Device => {
    return { label: `${label} ${name}`, name, netns }
  }
  const [podOne, podTwo] = [at(left.pod, 'eth0'), at(right.pod, 'eth0')]
  const [bridgeOne, bridgeTwo] = [at(one, 'cni0'), at(two, 'cni0')]
  const [vtepOne, vtepTwo] = [at(one, 'flannel.1'), at(two, 'flannel.1')]
  const header = (from: Device, to: Device): Header => {
    return { from, to, source: left.address, target: right.address }
  }
  const outer: Header = {
    ...{ from: at(one, wire), to: at(two, wire) },
    ...{ source: one.address, target: `${two.address}.8472` },
  }
  const tunnel = header(vtepOne, vtepTwo)
  return [
    { at: podOne, headers: [header(podOne, bridgeOne)] },
    { at: bridgeOne, headers: [header(podOne, bridgeOne)] },
    { at: vtepOne, headers: [tunnel] },
    { at: outer.from, headers: [outer, tunnel] },
    { at: vtepTwo, headers: [tunnel] },
    { at: bridgeTwo, headers: [header(bridgeTwo, podTwo)] },
    { at: podTwo, headers: [header(bridgeTwo, podTwo)] },
  ]
}

/** The subnet that a node has leased, as routes name it. */
function subnetOf({ dir }: DemoNode): string {
  const text = readFileSync(join(dir, 'run/flannel/subnet.env'), 'utf8')
  return (/^FLANNEL_SUBNET=(.*)$/m.exec(text)?.[1] ?? '').replace(/\.1\//, '.0/')
}

function routeTo({ name }: DemoNode, subnet: string): string {
  return runSync(['ip', '-n', name, 'route', 'show', subnet]).trim()
}

function fdbOf({ name }: DemoNode, address: string): string {
  const entries = runSync(['bridge', '-n', name, 'fdb', 'show', 'dev', 'flannel.1']).split('\n')
  return entries.find((entry) => entry.includes(` dst ${address} `)) ?? ''
}

async function ping(from: Attached, { pod, address }: Attached): Promise<void> {
  const argv = inside(from.pod.netns, ['ping', '-n', '-c', '1', '-w', '5', address])
  const { code, stdout } = await run(argv)
  if (code !== 0) throw new Error(`${address} does not answer ${from.pod.label}: ${stdout}`)
  confirm(`${from.pod.label} pings ${pod.label}: ${/\d+ bytes from .*/.exec(stdout)?.[0]}`)
}

/** Has a pod answer on its port, and another one ask there by the node's address and port. */
async function fetchFrom(server: Attached, address: string, client: Attached): Promise<void> {
  const answer = `hello from ${server.pod.label}`
  const serve = `net.createServer((c)=>c.end('${answer}')).listen(${web.containerPort},()=>console.log(1))`
  const [program = '', ...args] = inside(server.pod.netns, [process.execPath, '-e', serve])
  const child = spawn(program, args)
  try {
    await once(child.stdout, 'data')
    const [host, port] = address.split(':')
    const ask = `net.connect(${port},'${host}').pipe(process.stdout)`
    const { stdout } = await run(inside(client.pod.netns, [process.execPath, '-e', ask]))
    if (stdout !== answer) throw new Error(`${address} answers ${JSON.stringify(stdout)}`)
    confirm(`${client.pod.label} asks ${address}, a port of node two, and gets: ${stdout}`)
  } finally {
    child.kill()
  }
}

function expectNothingLeft({ name, dir }: DemoNode): void {
  const veths = runSync(['ip', '-n', name, '-o', 'link', 'show', 'type', 'veth'])
    .split('\n')
    .filter((line) => line !== '' && !line.includes(` ${wire}@`))
  const reserved = readdirSync(join(dir, addresses)).filter((file) => parseIp(file) !== undefined)
  const left = [...veths, ...reserved, ...readdirSync(join(dir, saved))]
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`)
}
