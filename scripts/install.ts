/**
 * Installs the executables and the network configuration: `install.ts <bin folder> <conf folder>`.
 * Runtimes may be calling the plugins meanwhile, so a file is put in place whole, by rename.
 */
import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const [binDir, confDir] = process.argv.slice(2)
if (binDir === undefined || confDir === undefined) throw new Error('want two folders to install to')

installExecutables(join(root, 'dist/bin'), binDir)
installConf(join(root, 'conf/10-flannel.conflist'), join(confDir, '10-flannel.conflist'))

/** Installs hard links of one executable under every name that stands in `from`. */
function installExecutables(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  const copy = join(to, `.cni-${process.pid}`)
  const link = `${copy}-link`
  try {
    copyFileSync(join(from, 'cni'), copy, constants.COPYFILE_EXCL)
    for (const name of readdirSync(from).filter((name) => !name.startsWith('.'))) {
      linkSync(copy, link)
      renameSync(link, join(to, name))
      console.log(`installed ${join(to, name)}`)
    }
  } finally {
    rmSync(copy, { force: true })
    rmSync(link, { force: true })
  }
}

/** Installs a configuration; one that is there and differs stays, with the new one beside it. */
function installConf(from: string, path: string): void {
  mkdirSync(join(path, '..'), { recursive: true })
  const isThere = existsSync(path)
  if (isThere && readFileSync(path).equals(readFileSync(from))) {
    console.log(`${path} is up to date`)
    return
  }
  const target = isThere ? `${path}.new` : path
  copyFileSync(from, `${path}.${process.pid}`)
  renameSync(`${path}.${process.pid}`, target)
  if (isThere) console.log(`kept ${path}, which differs; the new one is ${target}`)
  else console.log(`installed ${target}`)
}
