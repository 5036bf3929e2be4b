/** The pinned Node for a kind of processor, from the npm registry. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { output, run } from './command.ts'

const root = join(import.meta.dirname, '../..')

/**
 * The folder of the package, from node_modules or, for a processor that is not this machine's,
 * fetched into `folder`. Throws when what was fetched is not what package-lock.json names.
 */
export function nodeFolder(arch: string, folder: string): string {
  const name = `node-linux-${arch}`
  const installed = join(root, 'node_modules', name)
  if (existsSync(installed)) return installed
  const { version, integrity } = lockedPackage(name)
  const archive = join(
    folder,
    output(['npm', 'pack', '--silent', `--pack-destination=${folder}`, `${name}@${version}`]),
  )
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
  if (found !== integrity) {
    throw new Error(`${name}@${version} is ${found}, and package-lock.json has ${integrity}`)
  }
  const target = join(folder, name)
  mkdirSync(target)
  run(['tar', '-xzf', archive, '-C', target, '--strip-components=1'])
  return target
}

interface LockedPackage {
  readonly version: string
  readonly integrity: string
}

function lockedPackage(name: string): LockedPackage {
  const lock: { packages: Record<string, LockedPackage | undefined> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  )
  const found = lock.packages[`node_modules/${name}`]
  if (found === undefined) throw new Error(`package-lock.json has no ${name}`)
  return found
}
