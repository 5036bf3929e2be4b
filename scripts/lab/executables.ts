/** The executables that are tested and measured. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const packaged = join(root, 'dist/bin')
const sources = ['plugins', 'ipam', 'flanneld', 'commands', 'resident', 'lib', 'conf']

/**
 * The folder of plugin executables: CNI_BIN_DIR, e.g. /usr/lib/cni for the Go plugins, or what
 * `make` built. Throws when that is missing or older than the sources.
 */
export function binDir(): string {
  const chosen = process.env['CNI_BIN_DIR']
  if (chosen !== undefined) return chosen
  const executable = join(packaged, 'cni')
  if (!existsSync(executable)) throw new Error(`${executable} does not exist: run \`make\``)
  const built = statSync(executable).mtimeMs
  const newer = sourceFiles().find((file) => statSync(file).mtimeMs > built)
  if (newer !== undefined) throw new Error(`${executable} is older than ${newer}: run \`make\``)
  return packaged
}

/** The names that `cni install` gives a node: all that is built but the node agent's. */
export function installedNames(): string[] {
  return readdirSync(binDir()).filter((name) => !name.startsWith('.') && name !== 'flanneld')
}

/** The plugins' names among them. */
export function pluginNames(): string[] {
  return installedNames().filter((name) => name !== 'cni')
}

/** The reason to skip what only the front in C can do, or false when there is one. */
export function frontSkip(): string | false {
  const [bridge, cni] = ['bridge', 'cni'].map((name) => statSync(join(binDir(), name)))
  return bridge?.ino === cni?.ino && 'there was no C compiler to make the front executable'
}

function sourceFiles(): string[] {
  return sources.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|c|conflist)$/.test(file))
      .map((file) => join(root, folder, file)),
  )
}
