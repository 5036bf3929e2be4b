/**
 * A node with a first process of its own, and containers as a DaemonSet has them: in the network
 * and PID namespaces of the node, with a root directory and mounts of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Node, Scope } from '../../scripts/lab/node.ts'
import { makeOwnFolders, onNode } from '../../scripts/lab/own-folders.ts'

/** The folder of a container's image that is in its PATH, beside the machine's programs. */
const imagePath = '/image'

/** Mounts the machine's programs, the image and the volumes, and executes the command. */
const script = `set -e
root=$1 image=$2; shift 2
mount --bind "$root" "$root"
for each in usr bin sbin lib lib64 proc dev; do
  if [ -L "/$each" ]; then cp -P "/$each" "$root/"; continue; fi
  [ -d "/$each" ] || continue
  mkdir "$root/$each"
  mount --rbind "/$each" "$root/$each"
done
mkdir "$root${imagePath}"
mount --bind "$image" "$root${imagePath}"
while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  shift 2
done
shift
exec chroot "$root" "$@"`

export interface NodeWithInit extends Node {
  /** The command line that runs `argv` beside the node's first process. */
  beside(argv: readonly string[]): string[]
  /**
   * The command line of a container: `image` is a folder with programs, `mounts` lead from a folder
   * of the node to one of the container.
   */
  container(
    image: string,
    mounts: Readonly<Record<string, string>>,
    argv: readonly string[],
  ): string[]
}

/** Gives the node folders of its own, and a first process, which is killed with the scope. */
export async function startInit(scope: Scope, node: Node): Promise<NodeWithInit> {
  makeOwnFolders(node)
  const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
  const [program = '', ...args] = onNode(node, [...unshare, 'sh', '-c', 'echo; sleep infinity'])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  scope.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const init = childOf(child)
  const beside = (argv: readonly string[]) => {
    return ['nsenter', '--target', `${init}`, '--mount', '--net', '--pid', '--', ...argv]
  }
  let count = 0
  return {
    ...node,
    beside,
    container(image, mounts, argv) {
      const root = join(node.dir, `container-${count++}`)
      mkdirSync(root)
      const volumes = Object.entries(mounts).flat()
      const command = ['sh', '-c', script, 'sh', root, image, ...volumes, '--', ...argv]
      const PATH = `PATH=${imagePath}:/usr/sbin:/usr/bin:/sbin:/bin`
      return beside(['unshare', '--mount', '--', 'env', PATH, ...command])
    },
  }
}

/** The PID of the process that nsenter or unshare has forked, and waits for. */
export function childOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
}

/** A program that has been started, and what it says on stderr. */
export async function startUntil(scope: Scope, argv: readonly string[], text: string) {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  scope.teardown(() => child.kill('SIGKILL'))
  const closed = once(child, 'close')
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  while (!said.includes(text)) {
    if (child.exitCode !== null) throw new Error(`${argv.join(' ')}: ${said}`)
    await setTimeout(5)
  }
  return { child, closed, said: () => said }
}
