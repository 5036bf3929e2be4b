/** The licences of what the executable has in it. */
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packagesFile } from '../build/bundles.ts'

/**
 * Copies the licences of Node, whose package is in the folder `node`, and of the bundled packages
 * into `folder`, each with its package's name. Throws when a package has none.
 */
export function licences(root: string, node: string, folder: string): void {
  mkdirSync(folder, { recursive: true })
  cpSync(join(node, 'LICENSE'), join(folder, 'node'))
  for (const name of bundledPackages()) {
    const installed = join(root, 'node_modules', name)
    const file = readdirSync(installed).find((entry) => /^licen[cs]e/i.test(entry))
    if (file === undefined) throw new Error(`node_modules/${name} has no licence`)
    cpSync(join(installed, file), join(folder, name.replace('/', '-')))
  }
}

/** The packages that the bundle was made of, as the build has written them down. */
function bundledPackages(): string[] {
  const names: unknown = JSON.parse(readFileSync(packagesFile, 'utf8'))
  if (Array.isArray(names)) return names.map(String)
  throw new Error(`${packagesFile}: expected a list of packages`)
}
