/** What is compared: plugins that do the same for a pod. */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Measurement } from './jobs.ts'

export interface Contestant {
  readonly name: string
  /** Whose executables they are: Debian's, those of this build, or those of another one of ours. */
  readonly build: 'go' | 'this' | 'other'
  /** The folder of its executables, which is CNI_PATH as well. */
  readonly binDir: string
  readonly plugin: 'bridge' | 'flannel'
  /** Whether the calls are answered by a server; otherwise each is a process that does all of it. */
  readonly resident: boolean
}

export const goDir = '/usr/lib/cni'
const thisDir = join(import.meta.dirname, '../../dist/bin')

/** The one that others are compared with. */
export const reference: Contestant = {
  name: 'go bridge',
  build: 'go',
  binDir: goDir,
  plugin: 'bridge',
  resident: false,
}

/**
 * All that can be measured: Go's, what this build can be, and what the build in the folder `other` can
 * be, which is empty for none. Throws when that folder lacks an executable.
 */
export function contestants(other: string): Contestant[] {
  const ours = contestantsOf('this', thisDir)
  if (other === '') return [reference, ...ours]
  return [reference, ...ours, ...contestantsOf('other', resolve(other))]
}

function contestantsOf(build: 'this' | 'other', binDir: string): Contestant[] {
  const missing = ourNames.map((name) => join(binDir, name)).find((file) => !existsSync(file))
  if (missing !== undefined) throw new Error(`${missing} does not exist: want a build's dist/bin`)
  return (canServe(binDir) ? [false, true] : [false]).flatMap((resident) =>
    (['bridge', 'flannel'] as const).map((plugin) => {
      const name = resident ? `${plugin} resident` : plugin
      return { name: build === 'this' ? name : `other ${name}`, build, binDir, plugin, resident }
    }),
  )
}

/** Whether the build has the front in C, which asks the server of the resident mode. */
function canServe(binDir: string): boolean {
  const [front, cni] = ['bridge', 'cni'].map((name) => statSync(join(binDir, name)).ino)
  return front !== cni
}

const names = ['bridge', 'host-local', 'portmap', 'loopback']
const ourNames = [...names, 'flannel', 'cni']

/** The files that these contestants execute. */
export function executables(all: readonly Contestant[]): string[] {
  const files = all.flatMap(({ build, binDir }) =>
    (build === 'go' ? names : ourNames).map((name) => join(binDir, name)),
  )
  return [...new Set(files)]
}

/**
 * What is to be said of calls of a resident contestant that the server did not answer in time. They were
 * made by a process of their own then, which takes more memory than a front by an order of magnitude.
 */
export function fallbackNotes(
  { name, resident }: Contestant,
  measured: readonly Measurement[],
): string[] {
  const frontLimit = 16 * 2 ** 20 // bytes
  const fallbacks = measured.filter(({ peakBytes }) => peakBytes > frontLimit)
  if (!resident || fallbacks.length === 0) return []
  return [`${name}: ${fallbacks.length} calls not by the server`]
}
