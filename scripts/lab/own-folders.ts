/**
 * Folders of a node's own in the places that are fixed in runtimes and in shipped configurations:
 * /etc/cni, /opt/cni/bin, /run/flannel and /var/lib/cni. The machine's own stay as they are.
 */
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Node } from './node.ts'
import { inside } from './run.ts'

const script = `set -e
mount --make-rprivate /
mount --rbind /run/netns "$1/run/netns"
for folder in etc opt run var/lib; do mount --rbind "$1/$folder" "/$folder"; done
shift
exec "$@"`

/** Makes the folders of a node, /etc a copy of the machine's and the others empty. */
export function makeOwnFolders({ dir }: Node): void {
  if (existsSync(join(dir, 'etc'))) return
  for (const folder of ['opt/cni/bin', 'run/netns', 'run/flannel', 'var/lib']) {
    mkdirSync(join(dir, folder), { recursive: true })
  }
  cpSync('/etc', join(dir, 'etc'), { recursive: true, verbatimSymlinks: true })
  mkdirSync(join(dir, 'etc/cni/net.d'), { recursive: true })
}

/** The command line that runs `argv` on the node, with its own folders in place. */
export function onNode({ dir, netns }: Node, argv: readonly string[]): string[] {
  return inside(netns, ['unshare', '--mount', '--', 'sh', '-c', script, 'sh', dir, ...argv])
}
