/** A containerd of a node's own, with Debian's `containerd`, `ctr` and `runc`. */
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { imageName, writeBusyboxImage } from './busybox-image.ts'
import type { Node } from './node.ts'
import { makeOwnFolders, onNode } from './own-folders.ts'
import { missingProgram, run, runSync, type Outcome } from './run.ts'

// The native snapshotter needs nothing of the kernel; containers are run by ctr, not by a kubelet.
const config = `version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.overlayfs",
  "io.containerd.snapshotter.v1.zfs",
]
`

export interface Containerd {
  /** Runs ctr with these arguments to its end. */
  ctr(...args: string[]): Promise<Outcome>
  /**
   * Runs a shell script in a new container of the busybox image on the node's network, and
   * returns when the script is through; the container stays.
   */
  runContainer(id: string, script: string): Promise<Container>
}

export interface Container {
  /** What the script wrote, on stdout and stderr. */
  readonly output: string
  /** Ends the container, and returns when containerd has removed it and its network. */
  remove(): Promise<void>
}

/** Why containers cannot be run here, or false. */
export function containerdSkip(): string | false {
  return missingProgram('containerd', 'ctr', 'runc', 'busybox')
}

/** Starts containerd on the node, and loads the busybox image. */
export async function startContainerd(
  node: Node,
  teardown: (stop: () => Promise<void>) => void,
): Promise<Containerd> {
  makeOwnFolders(node)
  const configFile = join(node.dir, 'containerd.toml')
  writeFileSync(configFile, config)
  const daemon = start(onNode(node, ['containerd', '--config', configFile]))
  daemon.stderr.pipe(createWriteStream(join(node.dir, 'containerd.log')))
  const containers: Container[] = []
  teardown(async () => {
    for (const container of containers) await container.remove()
    await stop(daemon)
  })
  await appears(join(node.dir, 'run/containerd/containerd.sock'))

  // ctr must see the folders that the daemon sees: it calls the plugins itself.
  const enter = ['nsenter', `--target=${daemon.pid}`, '--mount', '--root', '--net', '--', 'ctr']
  const ctr = (...args: string[]) => run([...enter, ...args])
  const image = join(node.dir, 'image.tar')
  writeBusyboxImage(image, runSync(['which', 'busybox']).trim())
  const imported = await ctr('image', 'import', '--snapshotter', 'native', image)
  if (imported.code !== 0) throw new Error(`ctr image import: ${imported.stderr}`)
  return {
    ctr,
    async runContainer(id, script) {
      const container = await runContainer(enter, id, script)
      containers.push(container)
      return container
    },
  }
}

const runOptions = ['run', '--rm', '--cni', '--snapshotter=native', '--cgroup=']
const through = 'script is through'

async function runContainer(enter: string[], id: string, script: string): Promise<Container> {
  const waiting = `${script}\necho ${through}\nread line`
  const ctr = start([...enter, ...runOptions, imageName, id, 'sh', '-c', waiting])
  const closed = once(ctr, 'close')
  let output = ''
  const ready = new Promise<void>((resolve) => {
    const take = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(through)) resolve()
    }
    ctr.stdout.on('data', take)
    ctr.stderr.on('data', take)
  })
  await Promise.race([ready, closed])
  if (!output.includes(through)) throw new Error(`container ${id} ended early: ${output}`)
  const remove = async () => {
    ctr.stdin.end()
    await closed
  }
  return { output, remove }
}

function start([program = '', ...args]: string[]): ChildProcessWithoutNullStreams {
  return spawn(program, args, { stdio: 'pipe' })
}

async function stop(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null) return
  daemon.kill()
  await once(daemon, 'exit')
}

async function appears(path: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!existsSync(path)) {
    if (Date.now() > deadline) throw new Error(`${path} did not appear within 20 s`)
    await sleep(50)
  }
}
