/**
 * Makes what people download: an archive for x86-64 and one for arm64 in dist/release, with their
 * checksums. Each is tried before: its executables answer VERSION, and one pod gets its network. The
 * archives are the same bytes for the same commit, wherever and whenever they are made.
 */
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../lib/base/version.ts'
import { archive } from './release/archive.ts'
import { output, run } from './release/command.ts'
import { licences } from './release/licences.ts'
import { nodeFolder } from './release/node-package.ts'
import { type Platform, platforms } from './release/platform.ts'
import { tryExecutables } from './release/trial.ts'

const root = join(import.meta.dirname, '..')
const release = join(root, 'dist/release')

/** What README.md leads to is beside it. */
const documents = ['README.md', 'docs', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'LICENSE']

if (process.arch !== 'x64') throw new Error('make release cross-builds from x86-64 only')
rmSync(release, { recursive: true, force: true })
mkdirSync(release, { recursive: true })
const commitTime = output(['git', '-C', root, 'log', '-1', '--format=%ct'])
const files = platforms.map((platform) => {
  console.log(`making the executables for ${platform.name}`)
  return make(platform)
})
const sums = files.map((file) => `${sha256(join(release, file))}  ${file}\n`)
writeFileSync(join(release, 'SHA256SUMS'), sums.join(''))
console.log(`in dist/release:\n${sums.join('')}`)

/** Makes the archive of a platform; returns its name. */
function make(platform: Platform): string {
  const name = `flannel-ts-${version}-linux-${platform.name}`
  const folder = join(release, name)
  const bin = join(folder, 'bin')
  const node = nodeFolder(platform.node, release)
  const program = [join(node, 'bin/node'), 'scripts/package.ts', bin]
  run(platform.command(program), { cwd: root, env: { ...process.env, CC: platform.compiler } })
  tryExecutables(platform, bin)
  cpSync(join(root, 'conf'), join(folder, 'conf'), { recursive: true })
  for (const file of documents) cpSync(join(root, file), join(folder, file), { recursive: true })
  licences(root, node, join(folder, 'licences'))
  const file = archive(folder, commitTime)
  rmSync(folder, { recursive: true })
  return file
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
