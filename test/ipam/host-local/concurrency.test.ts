import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryPrefix } from '../../../ipam/host-local/repair.ts'
import { run } from '../../../scripts/lab/run.ts'
import { addressesOf, call, ours } from './call.ts'

/** What a call has in the folder only while it is at work. */
const isTemporary = (name: string) => name.startsWith(temporaryPrefix)

const worker = join(import.meta.dirname, 'worker.ts')

t.test('no address is given twice, and none is lost', async (t) => {
  const root = t.testdir({ data: {}, marks: {} })
  const [data, marks] = [join(root, 'data'), join(root, 'marks')]
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const outcomes = await Promise.all(
    names.map((name) => run([process.execPath, '--no-warnings', worker, data, marks, name, '60'])),
  )
  for (const outcome of outcomes) t.strictSame(outcome, { code: 0, stdout: '', stderr: '' })
  const files = readdirSync(join(data, 'net1')).filter((name) => /^[\da-f]/.test(name))
  t.strictSame(files.sort(), readdirSync(marks).sort())
  t.equal(files.length, names.length * 3 * 2)
})

t.test('what killed processes leave heals', async (t) => {
  const root = t.testdir({ data: {}, marks: {} })
  const [data, marks] = [join(root, 'data'), join(root, 'marks')]
  const directory = join(data, 'net1')
  for (let round = 0; round < 2; round++) {
    const argv = ['--no-warnings', worker, data, marks, `victim${round}`, '100000']
    const victim = spawn(process.execPath, argv, { stdio: 'ignore' })
    const isAtWork = () => existsSync(directory) && readdirSync(directory).some(isTemporary)
    while (!isAtWork()) await new Promise(setImmediate)
    victim.kill('SIGKILL')
    await once(victim, 'close')
    const conf = {
      name: 'net1',
      cniVersion: '1.1.0',
      ipam: { dataDir: data, subnet: '10.1.2.0/27' },
    }
    t.equal(addressesOf(await call(ours, 'ADD', `after${round}`, conf)).length, 1)
    const gc = { ...conf, 'cni.dev/valid-attachments': [] }
    t.strictSame(await call(ours, 'GC', '', gc), {})
    t.strictSame(
      readdirSync(directory).filter((name) => !name.startsWith('last_reserved_ip.')),
      ['lock'],
    )
  }
})
