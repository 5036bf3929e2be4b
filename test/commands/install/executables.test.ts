import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { installExecutables } from '../../../commands/install/executables.ts'
import { stageName } from '../../../commands/install/stage.ts'
import { readStamp } from '../../../lib/base/stamp.ts'
import { writeExecutable, writeScript } from '../../support/fake-executable.ts'
import { thrown } from '../../support/thrown.ts'

const names = ['flannel', 'bridge', 'cni']
const version = '1.10.0'
const readFront = () => undefined

/** A package of version 1.10.0 without a front, and an empty folder to install it in. */
function setUp(t: Test) {
  const dir = t.testdir({ bin: {} })
  const executable = writeExecutable(join(dir, 'packaged'), version)
  const bin = join(dir, 'bin')
  const install = () => {
    const lines: string[] = []
    const source = { executable, version, names, readFront }
    const installed = installExecutables(source, bin, (line) => lines.push(line))
    t.strictSame(
      installed.names,
      names.filter((name) => readStamp(join(bin, name)) === version),
    )
    return lines
  }
  return { bin, executable, install, at: (name: string) => join(bin, name) }
}

const inodes = (bin: string) => new Set(names.map((name) => statSync(join(bin, name)).ino))

t.test('gives one file all names', async (t) => {
  const { bin, executable, install, at } = setUp(t)
  t.strictSame(
    install(),
    names.map((name) => `installed ${at(name)}`),
  )
  t.strictSame(readdirSync(bin), [...names].sort())
  t.equal(inodes(bin).size, 1)
  t.notOk(inodes(bin).has(statSync(executable).ino), 'a copy')
  t.strictSame(readFileSync(at('cni')), readFileSync(executable))
  t.equal(statSync(at('cni')).mode & 0o777, 0o755)
})

t.test('changes nothing the second time', async (t) => {
  const { bin, install } = setUp(t)
  install()
  const before = inodes(bin)
  t.strictSame(install(), [`the executables in ${bin} are up to date`])
  t.strictSame(inodes(bin), before)
})

t.test('replaces what is older, not ours, broken or another build', async (t) => {
  const { bin, install, at } = setUp(t)
  writeExecutable(at('flannel'), '1.9.0')
  writeScript(at('bridge'), '#!/bin/sh\nexit 1\n')
  symlinkSync('/nowhere', at('cni'))
  t.strictSame(install(), [
    `replaced ${at('flannel')}, which had version 1.9.0`,
    `replaced ${at('bridge')}, which was not of this plugin set`,
    `replaced ${at('cni')}, which was not of this plugin set`,
  ])
  t.equal(inodes(bin).size, 1)
  writeExecutable(at('flannel'), version, 'another build')
  t.strictSame(install(), [`replaced ${at('flannel')}, which had version 1.10.0`])
  t.equal(inodes(bin).size, 1, 'again one file')
})

t.test('links what is missing to what is there', async (t) => {
  const { bin, executable, install, at } = setUp(t)
  writeFileSync(at('bridge'), readFileSync(executable))
  chmodSync(at('bridge'), 0o755)
  const { ino } = statSync(at('bridge'))
  t.strictSame(install(), [`installed ${at('flannel')}`, `installed ${at('cni')}`])
  t.strictSame(inodes(bin), new Set([ino]))
  chmodSync(at('bridge'), 0o644)
  t.equal(install().length, 3, 'a file that cannot be run is not up to date')
})

t.test('never replaces a newer version', async (t) => {
  const { install, at } = setUp(t)
  writeExecutable(at('bridge'), '1.11.0')
  const newer = readFileSync(at('bridge'))
  t.strictSame(install(), [
    `kept ${at('bridge')}: it has version 1.11.0, ours is 1.10.0`,
    `installed ${at('flannel')}`,
    `installed ${at('cni')}`,
  ])
  t.strictSame(readFileSync(at('bridge')), newer)
})

t.test('is no installer of itself: a running file is left as it is', async (t) => {
  const { bin, install, at } = setUp(t)
  install()
  const lines: string[] = []
  const source = { executable: at('cni'), version, names, readFront }
  installExecutables(source, bin, (line) => lines.push(line))
  t.match(lines, [/up to date$/])
})

t.test('removes what an interrupted install left', async (t) => {
  const { bin, install, at } = setUp(t)
  mkdirSync(at(stageName))
  writeFileSync(at(`${stageName}/flannel`), 'half')
  t.equal(install()[0], `removed ${at(stageName)}, which an interrupted install left`)
  t.strictSame(readdirSync(bin), [...names].sort())
})

t.test('changes nothing when it cannot do all', async (t) => {
  const { bin, executable, install, at } = setUp(t)
  mkdirSync(at('bridge'))
  t.match(thrown(install), { code: 5, message: `${at('bridge')} is a folder` })
  t.strictSame(readdirSync(bin), ['bridge'])

  const broken = setUp(t)
  writeScript(broken.executable, `#!/nowhere\n${readFileSync(executable).subarray(9)}`)
  const error = thrown(broken.install)
  t.match(error, { code: 5, message: /does not work: .*no such file/, details: /libatomic/ })
  t.strictSame(readdirSync(broken.bin), [])
})
