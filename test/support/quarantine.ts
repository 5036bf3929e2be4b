/** A node where any call can do no harm: the folders that plugins use by default are its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { makeNode, type Node, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { makeOwnFolders, onNode } from '../../scripts/lab/own-folders.ts'
import { type Outcome, run, runSync } from '../../scripts/lab/run.ts'
import { allRoutes, filesBelow, interfaces } from './snapshot.ts'

export type Variables = Readonly<Record<string, string | undefined>>

export interface Quarantine {
  readonly node: Node
  readonly pod: Pod
  /** The whole environment of a good call, an ADD for the pod. */
  readonly env: Variables
  /** Runs a plugin with changes to that environment. */
  call(plugin: string, changes: Variables, stdin: string): Promise<Outcome>
  /** Runs a shell script that finds the plugin's executable in `$1`. */
  shell(plugin: string, script: string, changes: Variables, stdin: string): Promise<Outcome>
  /** Everything that a plugin may change, and where it could leave something by mistake. */
  everything(): object
}

export function makeQuarantine(scope: Scope): Quarantine {
  const node = makeNode(scope)
  const pod = node.pod()
  makeOwnFolders(node)
  runSync(onNode(node, ['true'])) // mount(8) makes a folder of its own
  const lease = ['NETWORK=10.244.0.0/16', 'SUBNET=10.244.1.1/24', 'MTU=1450', 'IPMASQ=true']
  const lines = lease.map((line) => `FLANNEL_${line}\n`)
  writeFileSync(join(node.dir, 'run/flannel/subnet.env'), lines.join(''))
  const env = {
    PATH: process.env['PATH'],
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: pod.containerId,
    CNI_NETNS: pod.netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: binDir(),
  }
  const start = (argv: string[], changes: Variables, stdin: string) =>
    run(onNode(node, argv), { env: { ...env, ...changes }, stdin })
  const executable = (plugin: string) => join(binDir(), plugin)
  return {
    ...{ node, pod, env },
    call: (plugin, changes, stdin) => start([executable(plugin)], changes, stdin),
    shell: (plugin, script, changes, stdin) =>
      start(['sh', '-c', script, 'sh', executable(plugin)], changes, stdin),
    everything: () => [
      filesOf(node),
      ...[node, pod].map((each) => [interfaces(each), allRoutes(each)]),
    ],
  }
}

/** The node's files but for /etc, a copy of the machine's; folders that are empty do not count. */
function filesOf({ dir }: Node): object {
  const files = Object.entries(filesBelow(dir))
  return Object.fromEntries(
    files.filter(([path, content]) => !path.startsWith('etc/') && content !== 'folder'),
  )
}

/** A good configuration of any of the plugins, with changes. */
export function confOf(changes: object = {}): string {
  const ipam = { type: 'host-local', subnet: '10.1.2.0/24' }
  return JSON.stringify({ cniVersion: '1.1.0', name: 'net1', type: 'x', ipam, ...changes })
}

/** Checks that a call was refused with this code, and by nothing but an error object. */
export function isRefused(
  t: Test,
  { code, stdout, stderr }: Outcome,
  want: number,
  name: string,
): void {
  t.equal(code, 1, `${name}: ${stdout.slice(0, 300)}`)
  const error: unknown = JSON.parse(stdout)
  t.match(error, { code: want, msg: /./ }, name)
  t.strictSame(
    Object.keys(error as object).filter((key) => !['code', 'msg', 'details'].includes(key)),
    [],
  )
  t.notMatch(stdout + stderr, /^\s+at .*:\d+|node:internal|cni\.cjs/m, name)
  t.equal(stderr, '', name)
}
