/** The front and the `cni` that it executes, on their way into the folder of executables. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { installExecutables } from '../../../commands/install/executables.ts'
import { readStamp } from '../../../lib/base/stamp.ts'
import { run, runSync } from '../../../scripts/lab/run.ts'
import { frontBytes, writeExecutable, writeScript } from '../../support/fake-executable.ts'
import { straceSkip } from '../../support/system-calls.ts'

const names = ['flannel', 'bridge', 'cni']
const plugins = ['flannel', 'bridge']
const version = '1.10.0'

/** Two packages, of versions 1.9.0 and 1.10.0, and an empty folder to install them in. */
function setUp(t: Test) {
  const dir = t.testdir({ bin: {} })
  const bin = join(dir, 'bin')
  const install = (version: string, front: Uint8Array | 'none' = frontBytes(version)) => {
    const executable = writeExecutable(join(dir, version), version)
    const lines: string[] = []
    const readFront = () => (front === 'none' ? undefined : front)
    const source = { executable, version, names, readFront }
    const { replaced } = installExecutables(source, bin, (line) => lines.push(line))
    return { replaced, lines }
  }
  return { dir, bin, install, at: (name: string) => join(bin, name) }
}

const isFront = (path: string) => readFileSync(path, 'utf8').includes('{0%/*}/cni')

t.test('plugins are the front, cni is the Node executable', async (t) => {
  const { dir, bin, install, at } = setUp(t)
  t.strictSame(install(version), {
    replaced: names,
    lines: ['cni', 'flannel', 'bridge'].map((name) => `installed ${at(name)}`),
  })
  t.strictSame(readFileSync(at('cni')), readFileSync(join(dir, version)))
  for (const name of plugins) {
    t.strictSame(readFileSync(at(name)), frontBytes(version))
    t.equal(statSync(at(name)).mode & 0o777, 0o755)
  }
  t.equal(new Set(plugins.map((name) => statSync(at(name)).ino)).size, 1, 'one file')
  const again = { replaced: [], lines: [`the executables in ${bin} are up to date`] }
  t.strictSame(install(version), again)
  t.strictSame(readdirSync(bin), [...names].sort())
})

t.test('what is missing, older or another build is replaced alone', async (t) => {
  const { install, at } = setUp(t)
  install(version)
  rmSync(at('cni'))
  t.strictSame(install(version).lines, [`installed ${at('cni')}`])
  rmSync(at('bridge'))
  t.strictSame(install(version).lines, [`installed ${at('bridge')}`])
  writeExecutable(at('cni'), '1.9.0')
  t.strictSame(install(version).replaced, ['cni'])
  const other = Buffer.from(`${frontBytes(version)}`.replace('exit 0', 'exit  0'))
  t.strictSame(install(version, other).replaced, plugins)
})

t.test('from a build without a front, to one without, and back', async (t) => {
  const { install, at } = setUp(t)
  for (const front of ['none', frontBytes(version), 'none'] as const) {
    t.strictSame(install(version, front).replaced.includes('bridge'), true)
    for (const name of plugins) t.equal(isFront(at(name)), front !== 'none', name)
  }
})

t.test('beside a newer cni plugins do without the front', async (t) => {
  const { install, at } = setUp(t)
  writeExecutable(at('cni'), '1.11.0')
  t.strictSame(install(version).lines, [
    `kept ${at('cni')}: it has version 1.11.0, ours is 1.10.0`,
    ...plugins.map((name) => `installed ${at(name)}`),
  ])
  for (const name of plugins) t.notOk(isFront(at(name)))
  t.equal(readStamp(at('cni')), '1.11.0')
})

t.test('a newer version stays as a whole', async (t) => {
  const { bin, install, at } = setUp(t)
  install(version)
  const { replaced, lines } = install('1.9.0')
  t.strictSame(replaced, [])
  t.match(lines, [/^kept/, /^kept/, /^kept/, `the executables in ${bin} are up to date`])
  for (const name of names) t.equal(readStamp(at(name)), version)
})

t.test('a front that does not work replaces nothing', async (t) => {
  const { dir, bin, install } = setUp(t)
  install('1.9.0')
  writeScript(join(dir, 'broken'), `#!/bin/sh\nexit 1\n\nflannel-ts v${version}\n`)
  t.throws(() => install(version, readFileSync(join(dir, 'broken'))), { message: /does not work/ })
  for (const name of names) t.equal(readStamp(join(bin, name)), '1.9.0')
})

/** The states of a folder that a runtime may call plugins in. */
function checkState(t: Test, bin: string, when: string): void {
  for (const name of plugins) {
    const path = join(bin, name)
    t.match(runSync(['env', 'CNI_COMMAND=VERSION', path]), 'supportedVersions', `${name} ${when}`)
    if (isFront(path)) t.equal(readStamp(path), readStamp(join(bin, 'cni')), `${name} ${when}`)
  }
}

const end = join(import.meta.dirname, '../../support/install-end.ts')

const skip = straceSkip()
t.test('killed at any rename, an upgrade leaves what works', { skip }, (t) => {
  return killUpgrades(t, frontBytes('1.9.0'))
})

t.test('the same from a version without a front', { skip }, (t) => killUpgrades(t, 'none'))

async function killUpgrades(t: Test, oldFront: Uint8Array | 'none'): Promise<void> {
  const { dir, bin, install } = setUp(t)
  const installing = [process.execPath, '--disable-warning=ExperimentalWarning', end, dir, version]
  const renames = names.length + plugins.length
  for (let nth = 1; nth <= renames; nth++) {
    rmSync(bin, { recursive: true })
    mkdirSync(bin)
    install('1.9.0', oldFront)
    const inject = `inject=/^rename:signal=KILL:when=${nth}`
    const trace = ['strace', '-qq', '-e', 'trace=/^rename', '-e', inject, '-o', join(dir, 'calls')]
    t.match(await run([...trace, ...installing]), { code: null }, `there is a rename ${nth}`)
    checkState(t, bin, `when killed at ${nth}`)
    install(version)
    checkState(t, bin, 'after another install')
    t.strictSame(readdirSync(bin), [...names].sort())
    t.ok(plugins.every((name) => isFront(join(bin, name))))
  }
}
