/** STATUS as a runtime asks it every few seconds: what it fails with makes the node NotReady. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { binDir } from '../../../scripts/lab/executables.ts'
import { type Outcome, run } from '../../../scripts/lab/run.ts'
import { callOptions } from './call.ts'

const ours = [join(binDir(), 'host-local')]
const tiny = { subnet: '10.1.2.0/30' }

class Network {
  readonly dataDir: string
  readonly folder: string

  constructor(t: Test) {
    this.dataDir = t.testdir()
    this.folder = join(this.dataDir, 'net1')
  }

  call(command: string, containerId: string, ipam: object): Promise<Outcome> {
    const conf = { name: 'net1', cniVersion: '1.1.0', ipam: { dataDir: this.dataDir, ...ipam } }
    return run(ours, callOptions(command, containerId, conf, { FLANNEL_CNI_SOCKET: '' }))
  }

  status(ipam: object = tiny): Promise<Outcome> {
    return this.call('STATUS', '', ipam)
  }

  /** Every file with what changes when it does. */
  state(): unknown {
    return ['', ...readdirSync(this.folder)].map((name) => {
      const { ino, mtimeMs, ctimeMs, size } = lstatSync(join(this.folder, name))
      return { name, ino, mtimeMs, ctimeMs, size }
    })
  }
}

/** flock(1) that holds the lock of the folder until the test ends. */
async function holdLock(t: Test, folder: string): Promise<void> {
  const argv = ['--no-fork', join(folder, 'lock'), 'sh', '-c', 'echo held; exec sleep 60']
  const holder = spawn('flock', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
}

t.test('a full range is said, and no failure', async (t) => {
  const network = new Network(t)
  t.strictSame(await network.status(), { code: 0, stdout: '', stderr: '' })
  t.strictSame(readdirSync(network.dataDir), [], 'makes no folder')
  const added = await network.call('ADD', 'c1', tiny)
  t.equal(added.code, 0, added.stdout)
  const { code, stdout, stderr } = await network.status()
  t.strictSame({ code, stdout }, { code: 0, stdout: '' })
  t.match(
    stderr,
    /^host-local: STATUS: warning: no IP addresses available in range set: 10\.1\.2\.1-10\.1\.2\.2; 1 of 1 /,
  )
  t.match(stderr, /^.*\n$/, 'one line')
})

t.test('it waits for no lock, and changes nothing', async (t) => {
  const network = new Network(t)
  await network.call('ADD', 'c1', tiny)
  writeFileSync(join(network.folder, '10.1.2.9'), '')
  writeFileSync(join(network.folder, '.new-0'), '')
  mkdirSync(join(network.folder, 'lock.lock'))
  await holdLock(t, network.folder)
  const before = network.state()
  const start = performance.now()
  t.equal((await network.status()).code, 0)
  const ms = performance.now() - start
  t.ok(ms < 10_000, `${ms} ms, and an ADD waits for 30 s`)
  t.strictSame(network.state(), before)
})

t.test('what no pod that goes can mend', async (t) => {
  const network = new Network(t)
  writeFileSync(join(network.dataDir, 'file'), '')
  const empty = { rangeStart: '10.1.2.1', rangeEnd: '10.1.2.1', gateway: '10.1.2.1' }
  for (const [ipam, code, msg] of [
    [{ subnet: '10.1.2.1/24' }, 7, /host bits set/],
    [{}, 7, /no IP ranges specified/],
    [{ ...tiny, ...empty }, 50, /no IP addresses available/],
    [{ ...tiny, resolvConf: '/nonexistent' }, 50, /open \/nonexistent: no such file/],
    [{ ...tiny, dataDir: join(network.dataDir, 'file') }, 50, /not a directory/],
  ] as const) {
    const { stdout } = await network.status(ipam)
    t.match(JSON.parse(stdout), { code, msg })
  }
})
