import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cniCommand } from '../../commands/index.ts'
import { usage } from '../../commands/usage.ts'
import { CniError } from '../../lib/cni/errors.ts'
import { cacheText, result } from '../support/libcni.ts'
import { type Behaviour, RecordingInvoker } from '../support/recording-invoker.ts'

/** A network namespace that every process has. */
const netns = '/proc/self/ns/net'
const cacheFile = 'net1-cnitool-cd2667f4483f699b01b0-eth0'
const banana = new CniError(11, 'banana', 'peel it')

/** The command with the plugins `a` and `b` on network `net1`. */
function setUp(t: Test, list: object = {}) {
  const plugins = [{ type: 'a', capabilities: { ips: true } }, { type: 'b' }]
  const conf = { name: 'net1', cniVersion: '1.1.0', plugins, ...list }
  const folder = t.testdir({ 'net.d': { '10-net1.conflist': JSON.stringify(conf) } })
  const invoker = new RecordingInvoker({ result })
  const paths = { NETCONFPATH: join(folder, 'net.d'), CNI_CACHE_DIR: folder }
  const run = (command: string, env: Record<string, string> = {}, behaviour: Behaviour = {}) => {
    invoker.behaviour = { result, ...behaviour }
    let [stdout, stderr] = ['', '']
    const status = cniCommand.run(
      command.split(' '),
      { ...paths, ...env },
      {
        version: '1.2.3',
        cwd: '/proc/self',
        executable: '/usr/local/bin/cni',
        names: ['a', 'b', 'cni'],
        userId: 0,
        readFront: () => undefined,
        serveCalls: () => Promise.reject(new Error('there are no calls')),
        now: () => 1_700_000_000_000,
        invoker,
        writeStdout: (text) => {
          stdout += text
        },
        writeStderr: (text) => {
          stderr += text
        },
      },
    )
    return { status, stdout, stderr, calls: invoker.take() }
  }
  return { run, invoker, folder, file: join(folder, 'results', cacheFile) }
}

t.test('prints help and version', async (t) => {
  const { run } = setUp(t)
  t.match(run('--help'), { status: 0, stdout: usage, stderr: '' })
  t.strictSame(run('version', { FLANNEL_CNI_SOCKET: '/nowhere' }).stdout.split('\n'), [
    'cni 1.2.3',
    'CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0',
    'resident server: none on /nowhere',
    '',
  ])
})

t.test('explains itself when it is not understood', async (t) => {
  const { status, stdout, stderr } = setUp(t).run('attach net1')
  t.equal(status, 2)
  t.equal(stdout, '')
  t.match(stderr, /^cni: unknown command "attach": .*\n\nUsage: /)
})

t.test('attaches, checks and detaches', async (t) => {
  const { run, file } = setUp(t)
  const added = run('add net1 ns/net')
  t.match(added, { status: 0, stderr: '', calls: ['a ADD', 'b ADD'] })
  t.ok(added.stdout.startsWith('{\n    "cniVersion": "1.1.0",\n'), 'indented like the plugins do')
  t.same(JSON.parse(added.stdout), { ...JSON.parse(cacheText).result, cniVersion: '1.1.0' })
  t.ok(existsSync(file))
  t.match(run(`check net1 ${netns}`), {
    status: 0,
    stdout: 'eth0 in /proc/self/ns/net is as it was made\n',
    calls: ['a CHECK', 'b CHECK'],
  })
  t.match(run(`del net1 ${netns}`), {
    status: 0,
    stdout: '',
    stderr: '',
    calls: ['b DEL', 'a DEL'],
  })
  t.notOk(existsSync(file))
  t.match(run(`del net1 ${netns}`), { status: 0, calls: ['b DEL', 'a DEL'] }, 'again is fine')
})

t.test('searches plugins beside itself, then in the usual folder', async (t) => {
  const { run } = setUp(t)
  const path = (env: object) => run(`add net1 ${netns}`, { ...env }, { missing: ['b'] }).stderr
  t.match(path({}), 'failed to find plugin "b" in path [/usr/local/bin:/opt/cni/bin]')
  t.match(path({ CNI_PATH: '/x' }), 'failed to find plugin "b" in path [/x]')
})

t.test('takes a failed add back', async (t) => {
  const { run, file } = setUp(t)
  const failed = run(`add net1 ${netns}`, {}, { failures: { 'b ADD': banana } })
  t.strictSame(failed, {
    status: 1,
    stdout: '',
    stderr:
      'cni add net1: plugin type="b" failed (add): banana\n' +
      '  details: peel it; what had been done was removed again\n' +
      '  code: 11 (try again later)\n',
    calls: ['a ADD', 'b ADD', 'b DEL', 'a DEL'],
  })
  t.notOk(existsSync(file))
})

t.test('says so when a failed add cannot be taken back', async (t) => {
  const failures = { 'b ADD': banana, 'b DEL': new CniError(100, 'apple') }
  const { stderr, calls } = setUp(t).run(`add net1 ${netns}`, {}, { failures })
  t.match(stderr, 'removing what had been done failed too: plugin type="b" failed (delete): apple')
  t.strictSame(calls.slice(2), ['b DEL', 'a DEL'], 'the others are taken back')
})

t.test('does not touch what is attached already', async (t) => {
  const { run, file } = setUp(t)
  run(`add net1 ${netns}`)
  const kept = readFileSync(file, 'utf8')
  const again = run(`add net1 ${netns}`)
  t.match(again, { status: 1, calls: [] })
  t.match(again.stderr, 'is attached to network "net1" as eth0 already')
  t.match(again.stderr, `cni del net1 ${netns} -i eth0`)
  t.equal(readFileSync(file, 'utf8'), kept)
  t.match(run(`add net1 ${netns} -i net1`), { status: 0 }, 'under another name it can be')
})

t.test('says what is wrong before it calls a plugin', async (t) => {
  const { run } = setUp(t)
  const failures: [command: string, env: Record<string, string>, want: string | RegExp][] = [
    ['add net1 /nowhere', {}, 'failed to Statfs "/nowhere": no such file or directory'],
    ['add net1 /etc/passwd', {}, 'unknown FS magic on "/etc/passwd"'],
    [`check net1 ${netns}`, {}, `attach it first: cni add net1 ${netns} -i eth0`],
    ['check net1 /nowhere', {}, 'want the file of a network namespace, such as /run/netns/NAME'],
    [`add nope ${netns}`, {}, 'no net configuration with name "nope" in '],
    [`add net1 ${netns} -i a/b`, {}, 'interface name contains / or : or whitespace characters'],
    [`add net1 ${netns}`, { CNI_ARGS: 'x' }, 'invalid CNI_ARGS pair "x"'],
  ]
  for (const [command, env, want] of failures) {
    const { status, stderr, stdout, calls } = run(command, env)
    t.strictSame({ status, stdout, calls }, { status: 1, stdout: '', calls: [] })
    t.match(stderr, want)
    t.match(stderr, /\n  code: \d+ \(/)
  }
})

t.test('check and del give the plugins what add gave them', async (t) => {
  const { run, invoker } = setUp(t)
  run(`add net1 ${netns}`, { CNI_ARGS: 'K=v', CAP_ARGS: '{"ips":["10.0.0.1"]}' })
  const other = { CNI_ARGS: 'L=w', CAP_ARGS: '{"ips":[]}' }
  for (const [command, env, ips, args] of [
    ['check', {}, ['10.0.0.1'], 'K=v'],
    ['check', other, [], 'L=w'],
    ['del', {}, ['10.0.0.1'], 'K=v'],
  ] as const) {
    run(`${command} net1 ${netns}`, env)
    const call = invoker.latest.find(({ type }) => type === 'a')
    t.equal(call?.env['CNI_ARGS'], args)
    t.strictSame(JSON.parse(call?.stdin ?? '').runtimeConfig, { ips })
  }
})

t.test('status says whether the network is ready', async (t) => {
  const { run } = setUp(t)
  t.match(run('status net1'), { status: 0, stdout: 'network "net1" is ready\n' })
  const full = new CniError(50, 'no addresses')
  const { status, stderr } = run('status net1', {}, { failures: { 'a STATUS': full } })
  t.equal(status, 1)
  t.equal(stderr, 'cni status net1: no addresses\n  code: 50 (the plugin is not available)\n')
})

t.test('gc removes the attachments whose namespace is gone', async (t) => {
  const { run, file } = setUp(t)
  run(`add net1 ${netns}`)
  const gone = readFileSync(file, 'utf8').replace(`"netns":"${netns}"`, '"netns":"/nowhere"')
  const unknown = gone.replace('"netns":"/nowhere",', '')
  writeFileSync(`${file}1`, gone.replace('"ifName":"eth0"', '"ifName":"eth01"'))
  writeFileSync(`${file}2`, unknown.replace('"ifName":"eth0"', '"ifName":"eth02"'))
  t.match(run('gc net1'), {
    status: 0,
    stdout: 'attachments kept: 2, removed: 1\n',
    calls: ['b DEL', 'a DEL', 'a GC', 'b GC'],
  })
  t.notOk(existsSync(`${file}1`))
})

t.test('gc calls the plugins of an older network in the first version that has it', async (t) => {
  const { run, invoker } = setUp(t, { cniVersion: '1.0.0' })
  const { status, stdout, calls } = run('gc net1')
  t.strictSame([status, stdout], [0, 'attachments kept: 0, removed: 0\n'])
  t.strictSame(calls, ['a GC', 'b GC'])
  for (const { stdin } of invoker.latest) t.equal(JSON.parse(stdin).cniVersion, '1.1.0')

  const old = new CniError(4, 'unknown CNI_COMMAND: GC', 'in a')
  t.match(run('gc net1', {}, { failures: { 'a GC': old } }), {
    status: 0,
    stdout:
      'attachments kept: 0, removed: 0\n' +
      'failed to GC plugin a: unknown CNI_COMMAND: GC; in a; it is older than GC\n',
    calls: ['a GC', 'b GC'],
  })
  const failure = new CniError(5, 'apple')
  t.match(run('gc net1', {}, { failures: { 'a GC': failure } }), {
    status: 1,
    stderr: /^cni gc net1: failed to GC plugin a: apple\n/,
    calls: ['a GC', 'b GC'],
  })
})

t.test('gc removes nothing when it cannot tell what is in use', async (t) => {
  const { run, folder, file } = setUp(t)
  run(`add net1 ${netns}`)
  writeFileSync(join(folder, 'results/net1-old-eth0'), '{"cniVersion":"0.2.0"}')
  const { status, stdout, stderr, calls } = run('gc net1')
  t.strictSame({ status, stdout, calls }, { status: 1, stdout: '', calls: [] })
  t.match(stderr, /^cni gc net1: the attachments in use are not known: .*net1-old-eth0: /)
  t.ok(existsSync(file))
})

t.test('a cached result that is no file is no error of ours', async (t) => {
  const { run, file } = setUp(t)
  mkdirSync(file, { recursive: true })
  t.match(run(`check net1 ${netns}`), {
    status: 1,
    stderr: /is a directory\n.*\n  code: 5 /,
    calls: [],
  })
  const { status, stderr, calls } = run(`del net1 ${netns}`)
  t.strictSame({ status, calls }, { status: 0, calls: ['b DEL', 'a DEL'] }, 'DEL is total')
  t.match(stderr, /warning: deleting without prevResult: .*is a directory/)
})

t.test('says when nobody is asked', async (t) => {
  const old = setUp(t, { cniVersion: '1.0.0', disableCheck: true })
  t.match(old.run('status net1').stdout, /^not asked: .* "1.0.0", and STATUS came with 1.1.0\n$/)
  t.match(old.run(`check net1 ${netns}`).stdout, /^not checked: .*"disableCheck": true\n$/)
  const { stdout, calls } = setUp(t, { disableGC: true }).run('gc net1')
  t.match(stdout, /^nothing done: .*"disableGC": true\n$/)
  t.strictSame(calls, [])
})

t.test('installs nothing from source', async (t) => {
  const { run, folder } = setUp(t)
  const bin = join(folder, 'bin')
  const { status, stdout, stderr } = run(`install --bin-dir ${bin} --conf-dir ${folder}`)
  t.equal(status, 1)
  t.equal(stdout, '')
  t.match(stderr, /^cni install: .*\/cni is not the packaged executable\n  details: build it/)
  t.notOk(existsSync(bin))
})
