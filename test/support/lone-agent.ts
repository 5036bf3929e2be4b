/** A node with an etcd of its own, and the agent from source on it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Etcd, etcdSkip } from '../../scripts/lab/etcd.ts'
import { kernelSkip, makeNode, type Node, type Scope } from '../../scripts/lab/node.ts'
import { inside, missingProgram, run, runSync } from '../../scripts/lab/run.ts'
import { eventually } from './eventually.ts'

/** The reason to skip what needs one, or false. */
export const loneAgentSkip = kernelSkip() || etcdSkip() || missingProgram('iptables')

const main = join(import.meta.dirname, '../../flanneld/main.ts')
const prefix = '/coreos.com/network'

export interface LoneAgent {
  readonly node: Node
  readonly etcd: Etcd
  /** The path of its subnet.env. */
  readonly subnetFile: string
  /** What it has logged so far. */
  log(): string
  /** The leases in etcd, as etcdctl prints them. */
  leases(): string
  /** A metric's value now. */
  metric(name: string): Promise<number | undefined>
  /** ip(8) on the node. */
  ip(words: string): string
}

/**
 * Starts it with 192.168.9.1 on the interface `wire`, and resolves when subnet.env is there. The
 * values of leases of other nodes are given by their keys.
 */
export async function startLoneAgent(
  scope: Scope,
  others: Readonly<Record<string, object>> = {},
): Promise<LoneAgent> {
  const node = makeNode(scope)
  const ip = (words: string) => runSync(['ip', '-n', node.name, ...words.split(' ')])
  ip('link add wire type veth peer name other')
  ip('address add 192.168.9.1/24 dev wire')
  for (const name of ['wire', 'other']) ip(`link set ${name} up`)
  const etcd = await Etcd.startIn(scope, node.netns, '127.0.0.1')
  etcd.ctl('put', `${prefix}/config`, '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}')
  for (const [key, value] of Object.entries(others)) {
    etcd.ctl('put', `${prefix}/subnets/${key}`, JSON.stringify(value))
  }
  const subnetFile = join(node.dir, 'subnet.env')
  const words = ['--iface=wire', `--subnet-file=${subnetFile}`, '--healthz-port=8090']
  const argv = [process.execPath, main, `--etcd-endpoints=${etcd.url}`, ...words]
  const [program = '', ...args] = inside(node.netns, argv)
  const agent = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(agent, 'exit')
  scope.teardown(async () => {
    agent.kill('SIGKILL')
    await ended
  })
  let log = ''
  agent.stderr.on('data', (text: Buffer) => (log += text))
  await eventually('subnet.env', () => existsSync(subnetFile))
  return {
    ...{ node, etcd, subnetFile, ip },
    log: () => log,
    leases: () => etcd.ctl('get', '--prefix', `${prefix}/subnets/`),
    metric: (name) => readMetric(node, name),
  }
}

async function readMetric({ netns }: Node, name: string): Promise<number | undefined> {
  const script =
    "fetch('http://127.0.0.1:8090/metrics').then((page) => page.text()).then(console.log)"
  const { stdout } = await run(inside(netns, [process.execPath, '-e', script]))
  const line = stdout.split('\n').find((each) => each.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length))
}
