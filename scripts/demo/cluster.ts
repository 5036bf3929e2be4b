/** The demo's cluster: two nodes on a wire, an etcd on the first one, and an agent on each. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Etcd } from '../lab/etcd.ts'
import { makeNode, type Node, type Scope } from '../lab/node.ts'
import { makeOwnFolders, onNode } from '../lab/own-folders.ts'
import { run, runSync } from '../lab/run.ts'

const dist = join(import.meta.dirname, '../../dist/bin')

/** The interface of each node that leads to the other one. */
export const wire = 'wire'

export const networkConf = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'

export interface DemoNode extends Node {
  /** As the story calls it. */
  readonly label: string
  /** On the wire. */
  readonly address: string
}

export interface Cluster {
  readonly nodes: readonly [DemoNode, DemoNode]
  readonly etcd: Etcd
  /** Starts the agent of a node. */
  startAgent(node: DemoNode): Agent
}

/** An agent that runs. */
export interface Agent {
  /** Its command line. */
  readonly command: string
  /** Resolves when it has written subnet.env; rejects with its log when it ends before. */
  ready(): Promise<void>
  /** Has it end, and resolves then. */
  stop(): Promise<void>
}

/** Makes the nodes, with the plugins installed, and an etcd with a network configuration. */
export async function makeCluster(scope: Scope): Promise<Cluster> {
  const nodes = [demoNode(scope, 'node one', 1), demoNode(scope, 'node two', 2)] as const
  const [one, two] = nodes
  const ends = `${wire} netns ${one.name} type veth peer name ${wire} netns ${two.name}`
  runSync(['ip', 'link', 'add', ...ends.split(' ')])
  for (const { name, address } of nodes) {
    runSync(['ip', '-n', name, 'address', 'add', `${address}/24`, 'dev', wire])
    runSync(['ip', '-n', name, 'link', 'set', wire, 'up'])
  }
  const etcd = await Etcd.startIn(scope, one.netns, one.address)
  etcd.ctl('put', '/coreos.com/network/config', networkConf)
  await Promise.all(nodes.map(installPlugins))
  return { nodes, etcd, startAgent: (node) => startAgent(scope, node, etcd.url) }
}

function demoNode(scope: Scope, label: string, number: number): DemoNode {
  const node = makeNode(scope)
  makeOwnFolders(node)
  return { ...node, label, address: `192.168.9.${number}` }
}

async function installPlugins({ dir }: DemoNode): Promise<void> {
  const folders = ['--bin-dir', join(dir, 'opt/cni/bin'), '--conf-dir', join(dir, 'etc/cni/net.d')]
  const { code, stderr } = await run([join(dist, 'cni'), 'install', ...folders])
  if (code !== 0) throw new Error(`cni install: ${stderr}`)
}

function startAgent(scope: Scope, node: DemoNode, etcd: string): Agent {
  const words = ['flanneld', `--etcd-endpoints=${etcd}`, `--iface=${wire}`, '--ip-masq']
  const [program = '', ...args] = onNode(node, [join(dist, 'flanneld'), ...words.slice(1)])
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (text: Buffer) => (log += text))
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill()
    await ended
  }
  scope.teardown(stop)
  const isOver = () => {
    return child.exitCode !== null || existsSync(join(node.dir, 'run/flannel/subnet.env'))
  }
  const ready = async () => {
    await eventually(() => `flanneld of ${node.label} is ready:\n${log}`, isOver)
    if (child.exitCode !== null) throw new Error(`flanneld of ${node.label} ended:\n${log}`)
  }
  return { command: words.join(' '), ready, stop }
}

/** Resolves when it is so, with the ms that it took; rejects after half a minute. */
export async function eventually(what: () => string, isSo: () => boolean): Promise<number> {
  const start = performance.now()
  while (!isSo()) {
    if (performance.now() - start > 30_000) throw new Error(`not after 30 s: ${what()}`)
    await setTimeout(20)
  }
  return Math.round(performance.now() - start)
}
