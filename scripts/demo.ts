/**
 * Shows two pods getting a network from the flannel plugin. The node is a network namespace with
 * folders of its own in the usual places, so nothing of this machine is touched.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { kernelSkip, makeNode } from './lab/node.ts'
import { makeOwnFolders, onNode } from './lab/own-folders.ts'
import { runSync } from './lab/run.ts'

const root = join(import.meta.dirname, '..')

const obstacle = kernelSkip()
if (obstacle === false) {
  process.exitCode = demo()
} else {
  console.error(`the demo ${obstacle}`)
  process.exitCode = 1
}

/** Makes the node and two sandboxes, plays the story on it, and returns its exit code. */
function demo(): number {
  const removals: (() => void)[] = []
  process.on('SIGINT', () => {}) // the story ends by it, and what was made is still removed
  try {
    const node = makeNode({ teardown: (remove) => removals.unshift(remove) })
    makeOwnFolders(node)
    const bin = join(node.dir, 'opt/cni/bin')
    const conf = join(node.dir, 'etc/cni/net.d')
    runSync([join(root, 'dist/bin/cni'), 'install', '--bin-dir', bin, '--conf-dir', conf])
    copyFileSync(join(root, 'conf/subnet.env'), join(node.dir, 'run/flannel/subnet.env'))
    const story = [process.execPath, join(import.meta.dirname, 'demo/story.ts')]
    const pods = ['one', 'two'].map((name) => `${name}=${node.pod().name}`)
    const [program = '', ...args] = onNode(node, [...story, ...pods])
    const { status } = spawnSync(program, args, { stdio: 'inherit' })
    return status ?? 1
  } finally {
    for (const remove of removals) remove()
  }
}
