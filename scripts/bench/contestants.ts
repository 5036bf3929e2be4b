/** What is compared: plugins that do the same for a pod. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Measurement } from './jobs.ts'

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

/** The files that contestants execute. */
export function executables(): string[] {
  const names = ['bridge', 'host-local', 'portmap']
  return [
    ...names.map((name) => join(goDir, name)),
    ...[...names, 'flannel', 'cni'].map((name) => join(ourDir, name)),
  ]
}

/** All that this build can be measured as. */
export function contestants(): Contestant[] {
  return [reference, ...oneShot, ...(canServe() ? residents : [])]
}

/** Those whose calls are taken apart: flannel's, which have the most stages. */
export function stagedContestants(): Contestant[] {
  return contestants().filter(({ plugin }) => plugin === 'flannel')
}

/** Whether the build has the front in C, which asks the server of the resident mode. */
export function canServe(): boolean {
  const [front, cni] = ['bridge', 'cni'].map((name) => statSync(join(ourDir, name)).ino)
  return front !== cni
}

/**
 * How many calls of a resident contestant the server did not answer in time. They were made by a
 * process of their own then, which takes more memory than a front by an order of magnitude.
 */
export function countFallbacks(
  { resident }: Contestant,
  measurements: readonly Measurement[],
): number {
  const frontLimit = 16 * 2 ** 20 // bytes
  return resident ? measurements.filter(({ peakBytes }) => peakBytes > frontLimit).length : 0
}
