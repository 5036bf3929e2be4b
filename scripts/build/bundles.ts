/** The bundles of the executable: a process loads one of them, by the name it was called by. */
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface Bundle {
  readonly name: string
  /** The file that it begins with, from the root. */
  readonly entry: string
  /** Modules of Node that it loads in every process, beside those that load at once. */
  readonly slowModules?: readonly string[]
}

/** `cni` and `flanneld` are for these names, `plugins` for all others. */
export const bundles: readonly Bundle[] = [
  { name: 'plugins', entry: 'plugins/main.ts' },
  { name: 'cni', entry: 'commands/main.ts' },
  {
    name: 'flanneld',
    entry: 'flanneld/main.ts',
    slowModules: ['crypto', 'http2', 'timers/promises', 'tls'],
  },
]

/** Where the build puts the text of a bundle. */
export function bundleFile({ name }: Bundle): string {
  return join(root, `dist/${name}.cjs`)
}

/** The packages whose code is in the bundles; the build writes it, as a list of names in JSON. */
export const packagesFile = join(root, 'dist/packages.json')
