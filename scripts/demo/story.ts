/**
 * The demo's story, played on the node: `story.ts <pod>=<namespace> <pod>=<namespace>`. It throws
 * at the first thing that is not as it tells.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { parseIp } from '../../lib/ip/ip.ts'
import { run } from '../lab/run.ts'
import { attach, check, detach, type Pod, type PortMapping, type Result } from './runtime.ts'
import { confirm, quote, say, title } from './text.ts'

const saved = '/var/lib/cni/flannel'
const addresses = '/var/lib/cni/networks/cbr0'

const web: PortMapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }

const [one, two] = process.argv.slice(2).map((argument, index) => pod(argument, [[], [web]][index]))
if (one === undefined || two === undefined) throw new Error('want two pods, name=namespace')

title('A node of a cluster')
say('flanneld has leased a subnet for the node, and wrote /run/flannel/subnet.env:')
quote(readFileSync('/run/flannel/subnet.env', 'utf8'))
say('The container runtime has found /etc/cni/net.d/10-flannel.conflist:')
quote(readFileSync('/etc/cni/net.d/10-flannel.conflist', 'utf8'))

title('Pod one gets a network')
const first = await attach(one)
say(
  `The runtime made the sandbox ${one.netns}`,
  'and ran /opt/cni/bin/flannel with CNI_COMMAND=ADD and this configuration on stdin.',
  'flannel combined it with subnet.env into the configuration of the bridge plugin:',
)
quote(JSON.parse(readFileSync(`${saved}/${one.containerId}`, 'utf8')))
say('bridge made cni0 and a veth pair between it and the pod; host-local reserved the address.')
say(`After ${first.ms} ms this stood on stdout:`)
quote(first.result)

say('portmap, the second plugin of the list, had nothing to do: the pod has no host port.')

title('Pod two gets a network, and a host port')
const second = await attach(two)
say(`The same, in ${second.ms} ms. Each pod's address is a file in ${addresses}:`)
quote(addressFiles().map(owner).join('\n'))

title('The path of a packet')
quote(picture(first.result, second.result))
await ping(one, addressOf(second.result), 'pod two')
await ping(two, addressOf(first.result), 'pod one')
await ping(one, gatewayOf(first.result), 'the gateway, which is cni0')
say(
  'A packet for a pod on another node leaves cni0 by the node’s routes: through flannel.1',
  'with the vxlan backend (its header is why the MTU is 1450), or straight with host-gw.',
)

title('The host port')
say(
  `Pod two asked for port ${web.hostPort} of the node, for its own port ${web.containerPort}: portmap`,
  'made the rules that lead there, with the firewall that the node uses.',
)
await fetchFrom(two, `${gatewayOf(first.result)}:${web.hostPort}`, one)

title('Is the network still what it was?')
for (const [pod, { result }] of [[one, first] as const, [two, second] as const]) {
  await check(pod, result)
  confirm(`CHECK of pod ${pod.name}`)
}

title('The pods go')
for (const [pod, { result }] of [[one, first] as const, [two, second] as const]) {
  await detach(pod, result)
  confirm(`DEL of pod ${pod.name}`)
}
await expectNothingLeft()
confirm('no veth, no address and no saved configuration is left; cni0 waits for the next pod')

function pod(argument: string, ports: readonly PortMapping[] = []): Pod {
  const [name = '', namespace = ''] = argument.split('=')
  return { name, containerId: `pod-${name}`, namespace, netns: `/run/netns/${namespace}`, ports }
}

function addressOf({ ips: [ip] }: Result): string {
  return ip?.address.split('/')[0] ?? ''
}

function gatewayOf({ ips: [ip] }: Result): string {
  return ip?.gateway ?? ''
}

function addressFiles(): string[] {
  return readdirSync(addresses).filter((name) => parseIp(name) !== undefined)
}

function owner(file: string): string {
  const [containerId, ifName] = readFileSync(`${addresses}/${file}`, 'utf8').split('\r\n')
  return `${file}  ${containerId} ${ifName}`
}

/** Both pods, the pairs of devices that connect them, and the bridge, drawn in one line. */
function picture(left: Result, right: Result): string {
  const [bridge, near] = left.interfaces.map(({ name }) => name)
  const [, far] = right.interfaces.map(({ name }) => name)
  const parts = [
    ['pod one', `eth0 ${addressOf(left)}`, ' ═══ '],
    ['node', `${near} ─── ${bridge} ${gatewayOf(left)} ─── ${far}`, ' ═══ '],
    ['pod two', `eth0 ${addressOf(right)}`, ''],
  ] as const
  const labels = parts.map(([label, part, line]) => label.padEnd(part.length + line.length))
  return `${labels.join('').trimEnd()}\n${parts.map(([, part, line]) => part + line).join('')}`
}

async function ping(from: Pod, address: string, whom: string): Promise<void> {
  const argv = ['ip', 'netns', 'exec', from.namespace, 'ping', '-n', '-c', '1', '-w', '3', address]
  const { code, stdout } = await run(argv)
  if (code !== 0) throw new Error(`${address} does not answer pod ${from.name}: ${stdout}`)
  confirm(`pod ${from.name} pings ${whom}: ${/\d+ bytes from .*/.exec(stdout)?.[0]}`)
}

/** Has a pod answer on its port, and another one ask there by the node's address and port. */
async function fetchFrom(server: Pod, address: string, client: Pod): Promise<void> {
  const answer = `hello from pod ${server.name}`
  const serve = `net.createServer((c)=>c.end('${answer}')).listen(${web.containerPort},()=>console.log(1))`
  const child = spawn('ip', ['netns', 'exec', server.namespace, process.execPath, '-e', serve])
  try {
    await once(child.stdout, 'data')
    const [host, port] = address.split(':')
    const ask = `net.connect(${port},'${host}').pipe(process.stdout)`
    const argv = ['ip', 'netns', 'exec', client.namespace, process.execPath, '-e', ask]
    const { stdout } = await run(argv)
    if (stdout !== answer) throw new Error(`${address} answers ${JSON.stringify(stdout)}`)
    confirm(`pod ${client.name} asks ${address} and gets: ${stdout}`)
  } finally {
    child.kill()
  }
}

async function expectNothingLeft(): Promise<void> {
  const { stdout } = await run(['ip', '-o', 'link', 'show', 'type', 'veth'])
  const left = [stdout.trim(), ...addressFiles(), ...readdirSync(saved)].filter((it) => it !== '')
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`)
}
