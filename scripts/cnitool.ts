/**
 * Builds dist/cnitool, the Go project's command for CNI networks, which tests compare `cni` with.
 * Compiler and source are Debian's. apt-get fetches them (100 MB) into a folder that is removed
 * again: nothing is installed. That it cannot be built is no failure, the tests are then skipped.
 */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

const dist = join(import.meta.dirname, '../dist')
const target = join(dist, 'cnitool')

if (!existsSync(target)) {
  process.on('SIGINT', () => {}) // what runs ends by it, and the folder is still removed
  mkdirSync(dist, { recursive: true })
  const dir = mkdtempSync(join(dist, '.cnitool-'))
  try {
    console.log(`building ${target} with Debian's Go`)
    build(dir)
  } catch (error) {
    console.log(`${target} is missing; the comparison with it is skipped: ${error}`)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function build(dir: string): void {
  const env = { ...process.env, APT_CONFIG: configureApt(dir) }
  const apt = (...args: string[]) => run(['apt-get', ...args, '-qq'], { cwd: dir, env })
  apt('update')
  apt('source', '--download-only', 'golang-github-appc-cni')
  apt('install', '--download-only', '--yes', '--no-install-recommends', 'golang-go')

  const packages = globSync(join(dir, 'cache/archives/*.deb')) // none when Go is installed
  for (const file of packages) run(['dpkg-deb', '--extract', file, dir])
  const module = join(dir, 'src/github.com/containernetworking/cni')
  mkdirSync(module, { recursive: true })
  const [source = ''] = globSync(join(dir, '*.orig.tar.*'))
  run(['tar', '-xf', source, '-C', module, '--strip-components=1'])
  compile(dir)
  renameSync(join(dir, 'cnitool'), target)
}

/** Makes apt use folders in `dir` only, and returns the path of the configuration. */
function configureApt(dir: string): string {
  const release = readFileSync('/etc/os-release', 'utf8')
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1]
  if (!/^ID=debian$/m.test(release) || codename === undefined) throw new Error('needs Debian')
  const repository = `http://deb.debian.org/debian ${codename} main`
  const signed = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  const sources = ['deb', 'deb-src'].map((type) => `${type} ${signed} ${repository}\n`)
  writeFileSync(join(dir, 'sources.list'), sources.join(''))
  for (const folder of ['lists', 'cache/archives']) {
    mkdirSync(join(dir, folder, 'partial'), { recursive: true })
  }
  const config = join(dir, 'apt.conf')
  const options = [
    `Dir::Etc::SourceList "${dir}/sources.list";`,
    'Dir::Etc::SourceParts "/dev/null";',
    `Dir::State::Lists "${dir}/lists";`,
    `Dir::Cache "${dir}/cache";`,
    'APT::Sandbox::User "root";', // others may not write here
    'APT::Update::Error-Mode "any";', // by default it warns, and succeeds
    'Acquire::http::Timeout "20";', // seconds
  ]
  writeFileSync(config, options.join('\n'))
  return config
}

function compile(dir: string): void {
  const [goRoot] = globSync(join(dir, 'usr/lib/go-*'))
  const env = {
    PATH: process.env['PATH'],
    GOPATH: dir,
    GOCACHE: join(dir, 'gocache'),
    GO111MODULE: 'off', // the source stands where GOPATH has it, with nothing to fetch
    CGO_ENABLED: '0',
    ...(goRoot !== undefined && { GOROOT: goRoot }),
  }
  const go = goRoot === undefined ? 'go' : join(goRoot, 'bin/go')
  const command = 'github.com/containernetworking/cni/cnitool'
  run([go, 'build', '-ldflags=-s -w', '-o', join(dir, 'cnitool'), command], { cwd: dir, env })
}

/** Runs a program; throws with what it said when it fails. */
function run([program = '', ...args]: readonly string[], options = {}): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8', ...options })
  if (error !== undefined) throw error
  if (status !== 0)
    throw new Error(`${program} ${args[0]}: exit status ${status}: ${stderr.trim()}`)
}
