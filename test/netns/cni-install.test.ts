/** `cni install` with the packaged executable: into folders as an init container has them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { formatStamp } from '../../lib/base/stamp.ts'
import { version } from '../../lib/base/version.ts'
import { binDir, frontSkip, installedNames } from '../../scripts/lab/executables.ts'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { run, runSync } from '../../scripts/lab/run.ts'
import { asNobody, makePublicFolder } from '../support/public-folder.ts'

const conflist = readFileSync(join(import.meta.dirname, '../../conf/10-flannel.conflist'), 'utf8')
const cni = join(binDir(), 'cni')
const names = installedNames()
const goBridge = '/usr/lib/cni/bridge'

function setUp(t: Test, dir = t.testdir()) {
  const [bin, conf] = [join(dir, 'bin'), join(dir, 'net.d')]
  const argv = [cni, 'install', '--bin-dir', bin, '--conf-dir', conf]
  return { bin, conf, argv, install: (...more: string[]) => run([...argv, ...more]) }
}

/** Copies the packaged executable, and makes another version of it. */
function copyAs(path: string, other: string): void {
  copyFileSync(cni, path)
  truncateSync(path, statSync(path).size - formatStamp(version).length)
  appendFileSync(path, formatStamp(other))
}

const inodes = (bin: string) => new Set(names.map((name) => statSync(join(bin, name)).ino))
const files = frontSkip() === false ? 2 : 1

t.test('an empty node gets everything, and once is enough', async (t) => {
  const { bin, conf, install } = setUp(t)
  const first = await install()
  t.match(first, { code: 0, stderr: '' })
  t.same(readdirSync(bin), names)
  t.equal(inodes(bin).size, files, 'cni, and one file for the plugins')
  for (const name of names) {
    t.equal(runSync(['stat', '-c', '%a %U', join(bin, name)]), '755 root\n')
    runSync(['cmp', join(binDir(), name), join(bin, name)])
  }
  t.same(readdirSync(conf), ['10-flannel.conflist'])
  t.equal(readFileSync(join(conf, '10-flannel.conflist'), 'utf8'), conflist)

  const before = inodes(bin)
  const second = await install()
  t.match(second, { code: 0, stderr: '' })
  t.match(
    second.stdout.replace(/^this build has no front: .*\n/m, ''),
    /^the executables in .* are up to date\nverified: .*\n.* is up to date\n$/,
  )
  t.same(inodes(bin), before)
})

t.test('the environment of an init container is enough', async (t) => {
  const { bin, conf } = setUp(t)
  const file = join(
    t.testdir({ 'cni-conf.json': conflist.replace('cbr0', 'mine') }),
    'cni-conf.json',
  )
  const env = { CNI_BIN_DIR: bin, NETCONFPATH: conf, CNI_CONFLIST: file }
  t.match(await run([cni, 'install'], { env }), { code: 0, stderr: '' })
  t.same(readdirSync(bin), names)
  t.match(readFileSync(join(conf, '10-flannel.conflist'), 'utf8'), '"name": "mine"')
})

t.test('a running executable is replaced, and runs on', async (t) => {
  const { bin, install } = setUp(t)
  mkdirSync(bin)
  copyAs(join(bin, 'flannel'), '0.0.1')
  const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c', CNI_NETNS: '/n', CNI_IFNAME: 'eth0' }
  const running = spawn(join(bin, 'flannel'), { env: { ...env, CNI_PATH: bin } }) // awaits stdin
  const { code, stdout } = await install()
  t.equal(code, 0)
  t.match(stdout, `replaced ${join(bin, 'flannel')}, which had version 0.0.1\n`)
  t.equal(inodes(bin).size, files)
  const closed = once(running, 'close')
  running.stdin.end('{')
  t.same(await closed, [1, null], 'it ends by its own error')
})

t.test('a newer version stays, and that is no failure', async (t) => {
  const { bin, install } = setUp(t)
  mkdirSync(bin)
  copyAs(join(bin, 'bridge'), '99.0.0')
  const { code, stdout } = await install()
  t.equal(code, 0)
  t.match(stdout, `kept ${join(bin, 'bridge')}: it has version 99.0.0, ours is ${version}\n`)
  t.ok(readFileSync(join(bin, 'bridge')).toString('latin1').endsWith(formatStamp('99.0.0')))
  t.ok(existsSync(join(bin, 'flannel')))
})

const noGo = existsSync(goBridge) ? false : `${goBridge} is not installed`
t.test('a Go plugin is replaced, and said so', { skip: noGo }, async (t) => {
  const { bin, install } = setUp(t)
  mkdirSync(bin)
  copyFileSync(goBridge, join(bin, 'bridge'))
  copyFileSync(goBridge, join(bin, 'ptp'))
  const { code, stdout } = await install()
  t.equal(code, 0)
  t.match(stdout, `replaced ${join(bin, 'bridge')}, which was not of this plugin set\n`)
  runSync(['cmp', goBridge, join(bin, 'ptp')])
})

t.test('a killed install leaves no name with half a file', async (t) => {
  const { bin, argv, install } = setUp(t)
  const stage = join(bin, '.flannel-ts.new')
  const [program = '', ...args] = argv
  const killed = spawn(program, args)
  const closed = once(killed, 'close')
  while (!existsSync(stage) && killed.exitCode === null) await sleep(1)
  killed.kill('SIGKILL')
  t.same(await closed, [null, 'SIGKILL'])
  t.same(readdirSync(bin), ['.flannel-ts.new'], 'only what was to become it')
  const { code, stdout } = await install()
  t.equal(code, 0)
  t.match(stdout, `removed ${stage}, which an interrupted install left\n`)
  t.same(readdirSync(bin), names)
})

t.test('one installer at a time', async (t) => {
  const { bin, argv } = setUp(t)
  mkdirSync(bin)
  const { code, stderr } = await run(['flock', bin, ...argv])
  t.equal(code, 1)
  t.match(stderr, `cni install: another cni install is at work in ${bin}\n`)
  t.match(stderr, 'code: 11 (try again later)')
  t.same(readdirSync(bin), [])
})

t.test('a configuration that differs stays, unless another one is chosen', async (t) => {
  const { conf, install } = setUp(t)
  const path = join(conf, '10-flannel.conflist')
  const mine = conflist.replace('cbr0', 'mine')
  mkdirSync(conf)
  writeFileSync(path, mine)
  t.match((await install()).stdout, `kept ${path}, which differs; the new one is ${path}.new\n`)
  t.equal(readFileSync(path, 'utf8'), mine)
  t.equal(readFileSync(`${path}.new`, 'utf8'), conflist)
  t.match((await install('--conflist', `${path}.new`)).stdout, `replaced ${path}, which differed\n`)
  t.equal(readFileSync(path, 'utf8'), conflist)
})

t.test('a plugin that the configuration needs and nobody has is told', async (t) => {
  const { bin, install } = setUp(t)
  const plugins = [{ type: 'flannel' }, { type: 'bandwidth' }]
  const list = JSON.stringify({ name: 'cbr0', cniVersion: '1.0.0', plugins })
  const file = join(t.testdir({ list }), 'list')
  const { code, stdout } = await install('--conflist', file)
  t.equal(code, 0)
  t.match(stdout, `warning: failed to find plugin "bandwidth" in path [${bin}]`)
})

/** Runs the installer in a mount namespace where `bin` is a file system of its own. */
async function installOn(
  t: Test,
  options: string,
  dir = t.testdir(),
  wrap = (argv: readonly string[]) => argv,
) {
  const { bin, argv } = setUp(t, dir)
  mkdirSync(bin)
  const script = `mount -t tmpfs -o ${options} none "$0" || exit 99
"$@"; status=$?
ls -A "$0"; exit $status`
  const { code, stdout, stderr } = await run([
    'unshare',
    '--mount',
    'sh',
    '-c',
    script,
    bin,
    ...wrap(argv),
  ])
  return { bin, code, stdout, stderr }
}

t.test('no space', { skip: kernelSkip() }, async (t) => {
  const { bin, code, stdout, stderr } = await installOn(t, 'size=20m')
  t.equal(code, 1)
  t.equal(stdout, '', 'nothing is left')
  t.match(stderr, new RegExp(`cannot write in ${bin}: .*: no space left on device\n`))
  t.match(stderr, `df -h ${bin}`)
})

t.test('a read-only file system', { skip: kernelSkip() }, async (t) => {
  const { bin, code, stdout, stderr } = await installOn(t, 'ro')
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, `cannot write in ${bin}: access ${bin}/: read-only file system\n`)
  t.match(stderr, 'mount it writable')
})

t.test('a file system where nothing can be run', { skip: kernelSkip() }, async (t) => {
  const { code, stdout, stderr } = await installOn(t, 'noexec')
  t.equal(code, 1)
  t.equal(stdout, '', 'nothing is left')
  t.match(stderr, /does not work: .*: permission denied\n/)
  t.match(stderr, 'mounted noexec')
})

t.test('not root', { skip: kernelSkip() }, async (t) => {
  const dir = makePublicFolder(t, [cni])
  const nobody = (argv: readonly string[]) => asNobody([join(dir, 'cni'), ...argv.slice(1)])
  const { code, stdout, stderr } = await installOn(t, 'mode=755', dir, nobody)
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /cannot write in .*: permission denied\n/)
  t.match(stderr, 'run this as root')
})
