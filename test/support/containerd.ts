/** A containerd of a node's own, with Debian's `containerd`, `ctr` and `runc`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Node } from '../../scripts/lab/node.ts'
import { missingProgram, type Outcome, run, runSync } from '../../scripts/lab/run.ts'
import { imageName, writeBusyboxImage } from './busybox-image.ts'
import { bootMachine, type Enter } from './machine.ts'

// The native snapshotter needs nothing of the kernel, and no image comes from a network. Cgroups,
// AppArmor and OOM scores are left alone, as the tests may run in a container themselves.
const config = `version = 2
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.overlayfs",
  "io.containerd.snapshotter.v1.zfs",
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${imageName}"
  disable_apparmor = true
  disable_cgroup = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
`

// Containerd ends in good order when its stdin does, also when the test has been killed.
const script = 'containerd --config "$1" & cat; kill $!; wait $!'

// What a test leaves when it fails or is killed: processes, and with them their cgroups.
const cleanUp = `for root in /run/containerd/runc/*; do
  for id in $(runc --root $root list --quiet); do runc --root $root delete --force $id; done
done`

/** Why containers cannot be run here, or false. */
export function containerdSkip(): string | false {
  return missingProgram('containerd', 'ctr', 'runc', 'busybox')
}

/** Starts a machine with containerd on it, and stops both with the scope. */
export async function startContainerd(
  node: Node,
  scope: { teardown(stop: () => Promise<void>): void },
): Promise<Containerd> {
  const enter = await bootMachine(node, scope, cleanUp)
  const containerd = new Containerd(node, enter)
  scope.teardown(() => containerd.stop())
  await containerd.start()
  return containerd
}

export class Containerd {
  /** Where it listens. */
  readonly socket: string
  readonly #dir: string
  readonly #enter: Enter
  #daemon: ChildProcess | undefined

  constructor({ dir }: Node, enter: Enter) {
    this.socket = join(dir, 'run/containerd/containerd.sock')
    this.#dir = dir
    this.#enter = enter
  }

  /** Starts it, and returns when it listens. */
  async start(): Promise<void> {
    const configFile = join(this.#dir, 'containerd.toml')
    writeFileSync(configFile, config)
    const [program = '', ...args] = this.#enter(['sh', '-c', script, 'sh', configFile])
    const daemon = spawn(program, args, { stdio: 'pipe' })
    daemon.stderr.pipe(createWriteStream(join(this.#dir, 'containerd.log'), { flags: 'a' }))
    this.#daemon = daemon
    await appears(this.socket)
  }

  /** Stops it; containers and their networks stay. */
  async stop(): Promise<void> {
    const daemon = this.#daemon
    if (daemon === undefined) return
    this.#daemon = undefined
    const exited = once(daemon, 'exit')
    daemon.stdin?.end()
    await exited
  }

  /** The command line that runs a program beside it, where it sees the same namespaces. */
  beside(argv: readonly string[]): string[] {
    return this.#enter(argv)
  }

  /** The command line that runs ctr with these arguments. */
  ctrLine(...args: string[]): string[] {
    return this.#enter(['ctr', ...args])
  }

  /** Runs ctr with these arguments to its end. */
  ctr(...args: string[]): Promise<Outcome> {
    return run(this.ctrLine(...args))
  }

  /** Loads the busybox image into a namespace of containerd. */
  async importImage(namespace: string): Promise<void> {
    const image = join(this.#dir, 'image.tar')
    writeBusyboxImage(image, runSync(['which', 'busybox']).trim())
    const loading = ['image', 'import', '--snapshotter=native', image]
    const { code, stderr } = await this.ctr(`--namespace=${namespace}`, ...loading)
    if (code !== 0) throw new Error(`ctr image import: ${stderr}`)
  }
}

async function appears(path: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!existsSync(path)) {
    if (Date.now() > deadline) throw new Error(`${path} did not appear within 20 s`)
    await sleep(50)
  }
}
