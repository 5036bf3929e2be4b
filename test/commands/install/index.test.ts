import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { explain } from '../../../commands/failure.ts'
import { install } from '../../../commands/install/index.ts'
import { frontBytes, writeExecutable, writeScript } from '../../support/fake-executable.ts'
import { socketPath, startGreeter } from '../../support/greeter.ts'
import { thrown } from '../../support/thrown.ts'

function setUp(t: Test, settings: { conflist?: string; front?: 'none' } = {}) {
  const dir = t.testdir({ bad: '{' })
  const executable = writeExecutable(join(dir, 'packaged'), '1.0.0')
  const [binDir, confDir] = [join(dir, 'host/bin'), join(dir, 'host/conf')]
  const lines: string[] = []
  const own = {
    ...{ executable, version: '1.0.0', names: ['flannel', 'portmap', 'cni'] },
    readFront: () => (settings.front === 'none' ? undefined : frontBytes('1.0.0')),
  }
  const socket = socketPath(t)
  const conflist = settings.conflist && join(dir, settings.conflist)
  const run = () => install(own, { binDir, confDir, conflist, socket }, (line) => lines.push(line))
  return { dir, executable, binDir, confDir, socket, lines, run }
}

t.test('makes the folders, and puts the configuration last', async (t) => {
  const { binDir, confDir, lines, run } = setUp(t)
  run()
  t.strictSame(lines, [
    `installed ${binDir}/cni`,
    `installed ${binDir}/flannel`,
    `installed ${binDir}/portmap`,
    `verified: flannel, portmap, cni in ${binDir} start and answer`,
    `installed ${confDir}/10-flannel.conflist`,
  ])
})

t.test('says what a build without a front cannot do', async (t) => {
  const { lines, run } = setUp(t, { front: 'none' })
  run()
  t.match(lines.at(-1), /^this build has no front: plugins are the Node executable, /)
})

t.test('says that a server of before has to be restarted', async (t) => {
  const { socket, lines, run } = setUp(t)
  const warning = new RegExp(`^warning: the server on ${socket} .*systemctl restart flannel-cni`)
  mkdirSync(dirname(socket))
  const stop = await startGreeter(t, socket, 'flannel-ts v1.0.0\n')
  run()
  t.match(lines.at(-1), warning, 'its executables have been replaced')
  run()
  t.notMatch(lines.at(-1), warning, 'it may have been started after that')
  await stop('SIGTERM')
  run()
  t.notMatch(lines.at(-1), warning, 'there is none')
  await startGreeter(t, socket, 'flannel-ts v0.9.0\n')
  run()
  t.match(lines.at(-1), warning, 'another version')
})

t.test('touches nothing when the configuration is not good', async (t) => {
  const { dir, run } = setUp(t, { conflist: 'bad' })
  t.match(thrown(run), { code: 6 })
  t.strictSame(readdirSync(dir), ['bad', 'packaged'])
})

t.test('a file in the way of a folder is named', async (t) => {
  const { dir, binDir, lines, run } = setUp(t)
  writeFileSync(join(dir, 'host'), '')
  t.match(explain(thrown(run), 0), {
    code: 5,
    message: `cannot write in ${binDir}: mkdir ${binDir}: not a directory`,
    details: 'a file stands where a folder should be, or the other way round: move it away',
  })
  t.strictSame(lines, [])
})

t.test('installs only what was packaged', async (t) => {
  const { dir, executable, run } = setUp(t)
  writeScript(executable, '#!/bin/sh\n')
  const error = thrown(run)
  t.equal(error.message, `${executable} is not the packaged executable`)
  t.match(error.details, 'make')
  t.strictSame(readdirSync(dir), ['bad', 'packaged'])
})
