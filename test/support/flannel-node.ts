/**
 * Pods of a node as the shipped configuration makes them: our executables, the conflist and the
 * state of plugins all in their usual places, of which the node has its own.
 */
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binDir } from '../../scripts/lab/executables.ts'
import type { Node, Pod } from '../../scripts/lab/node.ts'
import { makeOwnFolders, onNode } from '../../scripts/lab/own-folders.ts'
import { inside, type Outcome, run, runSync } from '../../scripts/lab/run.ts'
import { ports } from './ip.ts'
import type { Output } from './plugin-call.ts'

const root = join(import.meta.dirname, '../..')
const conflist = join(root, 'conf/10-flannel.conflist')

/** Does on the node what `make install` does; throws when the executables are not fresh. */
export function installAll(node: Node): void {
  makeOwnFolders(node)
  const [bin, conf] = ['opt/cni/bin', 'etc/cni/net.d'].map((folder) => join(node.dir, folder))
  runSync([join(binDir(), 'cni'), 'install', `--bin-dir=${bin}`, `--conf-dir=${conf}`])
}

/** Gives the node the shipped conflist, and `subnetEnv` as what flanneld wrote. */
export function installConf(node: Node, subnetEnv: string): void {
  installConflist(node)
  writeFileSync(subnetFile(node), subnetEnv)
}

/** Gives the node the shipped conflist. */
export function installConflist(node: Node): void {
  makeOwnFolders(node)
  copyFileSync(conflist, join(node.dir, 'etc/cni/net.d/10-flannel.conflist'))
}

/** Where flanneld writes for the plugins of the node. */
export function subnetFile({ dir }: Node): string {
  return join(dir, 'run/flannel/subnet.env')
}

/** Runs the `cni` command on the node. */
export async function cni(node: Node, ...args: string[]): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], CNI_PATH: binDir() }
  return run(onNode(node, [join(binDir(), 'cni'), ...args]), { env })
}

/** A pod that is attached to the node's network. */
export interface AttachedPod extends Pod {
  /** One of each family that the node has leased, IPv4 first. */
  readonly addresses: readonly string[]
}

/** Makes a pod, and attaches it; throws with what the plugins say. */
export async function attachPod(node: Node): Promise<AttachedPod> {
  const pod = node.pod()
  const { code, stdout, stderr } = await cni(node, 'add', 'cbr0', pod.netns)
  if (code !== 0) throw new Error(stderr)
  const { ips = [] } = JSON.parse(stdout) as Output // the ADD succeeded
  return { ...pod, addresses: ips.map(({ address }) => address.replace(/\/.*/, '')) }
}

/** What attachments have left on the node: ports, files that are about one of them, rules. */
export function leftovers(node: Node): string[] {
  const veths = ports(node, 'cni0')
  const kept = ['last_reserved_ip', 'lock']
  const files = ['flannel', 'networks/cbr0', 'results'].flatMap((folder) =>
    filesIn(join(node.dir, 'var/lib/cni', folder)).filter(
      (file) => !kept.some((name) => file.startsWith(name)),
    ),
  )
  const rules = runSync(inside(node.netns, ['nft', 'list', 'ruleset'])).split('\n')
  return [...veths.map(({ ifname }) => ifname), ...files, ...rules.filter((line) => line !== '')]
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
