import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../support/executables.ts'
import { run } from '../support/run.ts'

const root = join(import.meta.dirname, '../..')
const script = join(root, 'scripts/install.ts')
const conflist = readFileSync(join(root, 'conf/10-flannel.conflist'), 'utf8')

t.test('an empty node gets one file under all names, and the configuration', async (t) => {
  const { bin, conf, install } = target(t.testdir())
  const { code } = await install()
  t.equal(code, 0)
  t.same(
    readdirSync(bin),
    readdirSync(binDir()).filter((name) => !name.startsWith('.')),
  )
  t.equal(new Set(readdirSync(bin).map((name) => statSync(join(bin, name)).ino)).size, 1)
  t.equal(statSync(join(bin, 'flannel')).mode & 0o777, 0o755)
  t.same(readdirSync(conf), ['10-flannel.conflist'])
  t.equal(readFileSync(join(conf, '10-flannel.conflist'), 'utf8'), conflist)
})

t.test('a configuration that differs stays', async (t) => {
  const dir = t.testdir({ conf: { '10-flannel.conflist': '{"name":"mine"}' } })
  const { conf, install } = target(dir)
  const { code, stdout } = await install()
  t.equal(code, 0)
  t.match(stdout, `kept ${conf}/10-flannel.conflist, which differs`)
  t.equal(readFileSync(join(conf, '10-flannel.conflist'), 'utf8'), '{"name":"mine"}')
  t.equal(readFileSync(join(conf, '10-flannel.conflist.new'), 'utf8'), conflist)
})

t.test('a running executable is replaced, and runs on', async (t) => {
  const { bin, install } = target(t.testdir())
  await install()
  const flannel = join(bin, 'flannel')
  const before = statSync(flannel).ino
  const env = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'c',
    CNI_NETNS: '/n',
    CNI_IFNAME: 'eth0',
    CNI_PATH: bin,
  }
  const running = spawn(flannel, { env }) // it waits for its stdin
  const { code } = await install()
  t.equal(code, 0)
  t.not(statSync(flannel).ino, before)
  const closed = once(running, 'close')
  running.stdin.end('{')
  t.same(await closed, [1, null], 'it ends by its own error')
})

function target(dir: string) {
  const [bin, conf] = [join(dir, 'bin'), join(dir, 'conf')]
  return { bin, conf, install: () => run([process.execPath, script, bin, conf]) }
}

t.test('a file in the way of a folder is named', async (t) => {
  const dir = t.testdir()
  writeFileSync(join(dir, 'bin'), '')
  const { code, stderr } = await target(dir).install()
  t.equal(code, 1)
  t.match(stderr, join(dir, 'bin'))
})
