/** A node with the plugins installed by `cni install`, and a lease of flanneld. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binDir } from '../../scripts/lab/executables.ts'
import { makeNode, type Node, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { makeOwnFolders, onNode } from '../../scripts/lab/own-folders.ts'
import { type Outcome, run, runSync } from '../../scripts/lab/run.ts'

const subnetEnv = join(import.meta.dirname, '../../conf/subnet.env')

export interface InstalledNode extends Node {
  /** A path of the node, as it is reached from outside: the node sees its own folders. */
  at(path: string): string
  /** Runs the installed `cni` on the node with these arguments. */
  cni(...args: string[]): Promise<Outcome>
  /** Runs another program there. */
  run(...argv: string[]): Promise<Outcome>
  /** Attaches a pod to network cbr0 as Kubernetes would: under this name, with these host ports. */
  attach(pod: Pod, name: string, portMappings?: readonly object[]): Promise<Outcome>
}

/** What `cni install` installs, in a folder of its own: nodes get links of it, which is faster. */
export function installPlugins({ teardown }: Scope): string {
  const dir = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-`))
  teardown(() => rmSync(dir, { recursive: true }))
  const folders = ['--bin-dir', join(dir, 'opt/cni/bin'), '--conf-dir', join(dir, 'etc/cni/net.d')]
  runSync([join(binDir(), 'cni'), 'install', ...folders])
  return dir
}

/** Makes the node; it is removed when the test ends. */
export function makeInstalledNode(scope: Scope, plugins: string): InstalledNode {
  const node = makeNode(scope)
  makeOwnFolders(node)
  const at = (path: string) => join(node.dir, path)
  runSync(['cp', '-al', `${plugins}/.`, node.dir])
  copyFileSync(subnetEnv, at('run/flannel/subnet.env'))
  const { PATH } = process.env
  const runWith = (env: Record<string, string>, argv: readonly string[]) =>
    run(onNode(node, argv), { env: { PATH, ...env } })
  const cni = ['/opt/cni/bin/cni']
  return {
    ...node,
    at,
    cni: (...args) => runWith({}, [...cni, ...args]),
    run: (...argv) => runWith({}, argv),
    attach(pod, name, portMappings = []) {
      const CNI_ARGS = `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name}`
      const env = { CNI_ARGS, CAP_ARGS: JSON.stringify({ portMappings }) }
      return runWith(env, [...cni, 'add', 'cbr0', pod.netns])
    },
  }
}
