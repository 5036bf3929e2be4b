/** What is compared: plugins that do the same for a pod. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export interface Contestant {
  readonly name: string
  /** The folder of its executables, which is CNI_PATH as well. */
  readonly binDir: string
  readonly plugin: 'bridge' | 'flannel'
  /** Whether the calls are answered by a server; otherwise each is a process that does all of it. */
  readonly resident: boolean
}

export const goDir = '/usr/lib/cni'
export const ourDir = join(import.meta.dirname, '../../dist/bin')

/** The one that others are compared with. */
export const reference: Contestant = {
  name: 'go bridge',
  binDir: goDir,
  plugin: 'bridge',
  resident: false,
}

const oneShot: readonly Contestant[] = [
  { name: 'bridge', binDir: ourDir, plugin: 'bridge', resident: false },
  { name: 'flannel', binDir: ourDir, plugin: 'flannel', resident: false },
]

const residents: readonly Contestant[] = [
  { name: 'bridge resident', binDir: ourDir, plugin: 'bridge', resident: true },
  { name: 'flannel resident', binDir: ourDir, plugin: 'flannel', resident: true },
]

/** All that this build can be measured as. */
export function contestants(): Contestant[] {
  return [reference, ...oneShot, ...(canServe() ? residents : [])]
}

/** Whether the build has the server of the resident mode. */
export function canServe(): boolean {
  const { stdout } = spawnSync(join(ourDir, 'cni'), ['--help'], { encoding: 'utf8' })
  return /^ +serve\b/m.test(stdout)
}
