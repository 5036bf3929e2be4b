/**
 * Makes the executables, in dist/bin or the folder that is named: `package.ts [folder]`. The bundles
 * and the pinned Node become one file, `cni`; the front has the names of the plugins. Without a C
 * compiler there is no front, and the one file has all names. They are for the kind of processor
 * that this program itself runs on, and the same bytes whenever and wherever it runs.
 */
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import pkg from '@yao-pkg/pkg/lib-es5/sea.js'
import { formatStamp } from '../lib/base/stamp.ts'
import { version } from '../lib/base/version.ts'
import { currentVersion, supportedVersions } from '../lib/cni/versions.ts'
import { type Bundle, bundleFile, bundles, packagesFile } from './build/bundles.ts'
import { compileAll, wrapBundle } from './build/code-cache.ts'
import { buildFront } from './build/front.ts'

const root = join(import.meta.dirname, '..')
const launcher = join(root, 'scripts/build/launcher.cjs')
const binDir = resolve(root, process.argv[2] ?? 'dist/bin')
const folder = join(binDir, `.assets-${process.pid}`)
const assets: Record<string, string> = { launcher }
const packaged = join(binDir, `.packaged-${process.pid}`)
const front = join(binDir, `.front-${process.pid}`)

const plugins = ['flannel', 'bridge', 'host-local', 'loopback', 'portmap']
const names = [...plugins, 'cni', 'flanneld']

const withoutFront =
  'so every plugin is the Node executable, and cni serve gets no calls; to change that: ' +
  'apt-get install gcc libc6-dev, and make clean all'

const seaConfig = {
  // This path stands in the executable, which is the same in every clone: pkg works in a folder of its
  // own, beside which the launcher lies then.
  main: '../launcher.cjs',
  disableExperimentalSEAWarning: true,
  useSnapshot: false,
  useCodeCache: false, // the launcher is short, and brings the code cache of the bundle
  execArgv: [
    '--disable-warning=ExperimentalWarning', // node:ffi
    '--v8-pool-size=1', // a call has no use for four threads of V8, and each takes time to start
  ],
  // Without it NODE_OPTIONS in the environment could load other code into a root process.
  execArgvExtension: 'none',
  assets,
}

mkdirSync(binDir, { recursive: true })
try {
  const problem = buildFront(front, process.env['CC'])
  if (problem === undefined) assets['front'] = front // cni install takes it from there
  await makeExecutable(packaged)
  appendFileSync(packaged, formatStamp(version))
  checkExecutable(packaged)
  const { atime, mtime } = statSync(packagesFile)
  utimesSync(packaged, atime, mtime) // older than a source that has been edited meanwhile
  for (const name of ['cni', 'flanneld']) publish(packaged, join(binDir, name))
  for (const name of plugins) publish(problem === undefined ? front : packaged, join(binDir, name))
  for (const name of readdirSync(binDir)) {
    const isStale = !name.startsWith('.') && !names.includes(name)
    if (isStale) rmSync(join(binDir, name))
  }
  if (problem !== undefined) console.log(`${problem}\n${withoutFront}`)
} finally {
  for (const path of [packaged, front, folder]) rmSync(path, { recursive: true, force: true })
}

/** Writes the executable to `output`. */
async function makeExecutable(output: string): Promise<void> {
  mkdirSync(folder)
  for (const bundle of bundles) addBundle(bundle)
  copyFileSync(launcher, join(folder, 'launcher.cjs'))
  process.env['TMPDIR'] = folder
  const { arch } = process
  const nodePath = process.execPath // the pinned Node, which is of the processor's kind
  const target = { nodeRange: 'node26', platform: 'linux', arch, output } as const
  await pkg.default(launcher, { nodePath, seaConfig, targets: [target] })
}

/** Makes the text of a bundle, and its code cache, assets of the executable. */
function addBundle(bundle: Bundle): void {
  const source = wrapBundle(readFileSync(bundleFile(bundle), 'utf8'))
  const cache = compileAll(source, `${bundle.name}.cjs`)
  for (const [name, content] of [
    [bundle.name, source],
    [`${bundle.name}.code-cache`, cache],
  ] as const) {
    assets[name] = join(folder, name)
    writeFileSync(join(folder, name), content)
  }
}

/** Throws unless the executable answers VERSION, also when NODE_OPTIONS asks for other code. */
function checkExecutable(path: string): void {
  const env = { CNI_COMMAND: 'VERSION', NODE_OPTIONS: '--require=/nonexistent/injected.cjs' }
  const { stdout, stderr } = spawnSync(path, { env, argv0: 'bridge', encoding: 'utf8' })
  const expected = JSON.stringify({ cniVersion: currentVersion, supportedVersions })
  if (stdout.trim() !== expected || stderr !== '') {
    throw new Error(`${path} answers VERSION with ${stdout}${stderr}, expected ${expected}`)
  }
}

/** Puts a hard link of `file` at `path`, in place of what is there, which may be running. */
function publish(file: string, path: string): void {
  const link = `${path}.${process.pid}`
  linkSync(file, link)
  renameSync(link, path)
}
