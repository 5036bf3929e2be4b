import { chmodSync, closeSync, linkSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Call, Reply } from '../../../lib/cni/call.ts'
import {
  createDelegate,
  type DelegateHost,
  isSameFile,
  timeLeft,
} from '../../../lib/cni/delegate.ts'
import { toCniError } from '../../../lib/cni/errors.ts'
import type { Delegate, Request } from '../../../lib/cni/plugin.ts'
import { resultToJson } from '../../../lib/cni/result-encode.ts'
import { requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const verbs = ['DEL', 'CHECK', 'STATUS', 'GC'] as const

/** A host that executes plugins, unless `parts` say otherwise, and records. */
function hostOf(parts: Partial<DelegateHost> = {}) {
  const records = { stderr: '', sleeps: [] as number[] }
  const host: DelegateHost = {
    isSelf: () => false,
    dispatch: () => undefined,
    timeoutMs: 20_000,
    now: () => Date.now(),
    writeStderr: (text) => {
      records.stderr += text
    },
    sleep: (ms) => {
      records.sleeps.push(ms)
    },
    ...parts,
  }
  return { delegate: createDelegate(host), records }
}

/** Executables of these names in a folder of their own, and a request that finds them. */
function setUp(t: Test, scripts: Readonly<Record<string, string>>) {
  const folder = t.testdir()
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  const env = { PATH: process.env['PATH'], CNI_COMMAND: 'ADD', CNI_IFNAME: 'eth0' }
  const request = requestOf({ path: folder, env, conf: { cniVersion: '0.4.0' } })
  return { folder, request }
}

/** What the contract compares: a result or an error, either of which a caller can see. */
function outcomeOf(delegate: Delegate, request: Request) {
  const { cniVersion } = request.conf
  try {
    return resultToJson(delegate.add('x', request, request.stdin), cniVersion)
  } catch (error) {
    const others = verbs.map((verb) =>
      thrown(() => delegate.run(verb, 'x', request, request.stdin)).toObject(),
    )
    return { error: toCniError(error).toObject(), others }
  }
}

const ip = { address: '10.0.0.2/24', gateway: '10.0.0.1' }
const versioned = (cniVersion: string) =>
  JSON.stringify({ cniVersion, ips: [{ version: '4', ...ip }] })
const legacy = (cniVersion: string) =>
  JSON.stringify({ cniVersion, ip4: { ip: ip.address, gateway: ip.gateway } })

/** Every way in which a plugin that ran to its end can answer. */
const replies: Readonly<Record<string, Reply>> = {
  ...Object.fromEntries(
    [
      ...['0.1.0', '0.2.0'].map((version) => [version, legacy(version)] as const),
      ...['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'].map(
        (version) => [version, versioned(version)] as const,
      ),
    ].map(([version, stdout]) => [`a result of ${version}`, { exitCode: 0, stdout }]),
  ),
  'a result without version': { exitCode: 0, stdout: JSON.stringify({ ips: [ip] }) },
  null: { exitCode: 0, stdout: 'null' },
  'JSON error': { exitCode: 1, stdout: '{"code":11,"msg":"later","details":"wait"}' },
  'error without details': { exitCode: 1, stdout: '{"code":1234,"msg":"own"}' },
  'text instead of an error': { exitCode: 1, stdout: 'Segmentation fault\n' },
  'a result instead of an error': { exitCode: 1, stdout: versioned('1.0.0') },
  'silent failure': { exitCode: 1, stdout: '' },
}

t.test('answers alike, called in the process or executed', async (t) => {
  for (const [name, reply] of Object.entries(replies)) {
    const script = `cat >/dev/null; cat <<'END' | head -c -1\n${reply.stdout}\nEND\nexit ${reply.exitCode}`
    const { request } = setUp(t, { x: script })
    const executed = outcomeOf(hostOf().delegate, request)
    const own = hostOf({ isSelf: () => true, dispatch: () => reply })
    t.strictSame(outcomeOf(own.delegate, request), executed, name)
    t.equal('error' in executed, reply.exitCode === 1)
  }
})

t.test('alike also when an answer is no result', async (t) => {
  for (const stdout of ['', 'ok', '[]', '{"cniVersion":"5678.456"}']) {
    const { request } = setUp(t, { x: `printf %s '${stdout}'` })
    const own = hostOf({ isSelf: () => true, dispatch: () => ({ exitCode: 0, stdout }) })
    const [executed, inside] = [hostOf(), own].map(({ delegate }) =>
      thrown(() => delegate.add('x', request, request.stdin)).toObject(),
    )
    t.strictSame(inside, executed)
    own.delegate.run('DEL', 'x', request, request.stdin)
    hostOf().delegate.run('DEL', 'x', request, request.stdin)
  }
})

const silent = 'netplugin failed with no error message: '
const endings: [script: string, msg: string, details?: string][] = [
  ['echo no device >&2; exit 1', 'netplugin failed: "no device\\n"'],
  ['exit 3', `${silent}exit status 3`],
  ['kill -9 $$', `${silent}signal: killed`],
  ['kill -15 $$', `${silent}signal: SIGTERM`],
  [
    'echo half; exec sleep 60',
    `${silent}signal: killed`,
    'it did not end within 0.3 s and was killed',
  ],
  [
    'exec head -c 20000000 /dev/zero',
    `${silent}signal: killed`,
    'it wrote more than 16777216 bytes and was killed',
  ],
]

t.test('says how an executed delegate ended', async (t) => {
  for (const [script, msg, details] of endings) {
    const { request } = setUp(t, { x: script })
    const { delegate } = hostOf({ timeoutMs: script.includes('sleep') ? 300 : 20_000 })
    const error = thrown(() => delegate.add('x', request, request.stdin))
    const want = details === undefined ? 'in x' : `${details}; in x`
    t.strictSame(error.toObject(), { code: 0, msg, details: want }, script)
  }
})

t.test('says which delegate cannot be called', async (t) => {
  const { folder, request } = setUp(t, { x: '' })
  chmodSync(join(folder, 'x'), 0o644)
  writeFileSync(join(folder, 'broken'), '#!/nowhere/sh\n')
  chmodSync(join(folder, 'broken'), 0o755)
  const { delegate } = hostOf()
  const messages: [type: string, code: number, msg: string][] = [
    ['', 999, 'no plugin name provided'],
    ['a/b', 999, 'invalid plugin name: a/b'],
    ['x', 999, `failed to find plugin "x" in path [${folder}]`],
    ['y', 999, `failed to find plugin "y" in path [${folder}]`],
    ['broken', 0, `${silent}fork/exec ${folder}/broken: no such file or directory`],
  ]
  for (const [type, code, msg] of messages) {
    const error = thrown(() => delegate.add(type, request, ''))
    t.equal(error.message, msg)
    t.equal(error.code, code)
    t.equal(thrown(() => delegate.run('DEL', type, request, '')).message, msg)
  }
  t.equal(
    thrown(() => delegate.add('x', { ...request, path: '' }, '')).message,
    'no paths provided',
  )
})

t.test('gives the delegates of a request one time together', async (t) => {
  for (const [spent, left] of [
    [0, 90_000],
    [60_000, 30_000],
    [85_000, 10_000],
    [200_000, 10_000],
    [-5000, 90_000],
  ] as const) {
    t.equal(timeLeft(90_000, spent), left)
  }
  t.equal(timeLeft(500, 400), 500)
  const { request } = setUp(t, { x: 'sleep 60' })
  let clock = 0
  const { delegate } = hostOf({ timeoutMs: 300, now: () => (clock += 1000) })
  for (const each of [request, request]) {
    t.match(thrown(() => delegate.run('DEL', 'x', each, '')).details, 'within 0.3 s')
  }
})

t.test('gives a delegate the command, the rest of the environment and stdin', async (t) => {
  const script = 'env | grep CNI_ | sort; echo "$#"; cat'
  const { request } = setUp(t, { x: `(${script}) >&2; echo null` })
  const own: Call[] = []
  const inside = hostOf({
    isSelf: () => true,
    dispatch: (_, call) => {
      own.push(call)
      return { exitCode: 0, stdout: 'null' }
    },
  })
  const stdin = '{"name": "net1",\n "ä": "\\u00e4"} '
  for (const verb of ['ADD', ...verbs] as const) {
    const { delegate, records } = hostOf()
    for (const each of [delegate, inside.delegate]) {
      if (verb === 'ADD') each.add('x', request, stdin)
      else each.run(verb, 'x', request, stdin)
    }
    t.equal(records.stderr, `CNI_COMMAND=${verb}\nCNI_IFNAME=eth0\n0\n${stdin}`)
    const call = own.pop()
    t.strictSame(call?.env, { ...request.env, CNI_COMMAND: verb })
    t.equal(call?.readStdin(), stdin)
  }
  t.equal(request.env['CNI_COMMAND'], 'ADD', 'its own is as before')
})

t.test('passes on what a delegate writes on stderr, however it ends', async (t) => {
  for (const ending of ['echo null', 'echo "{\\"code\\":7,\\"msg\\":\\"x\\"}"; exit 1', 'exit 1']) {
    const { request } = setUp(t, { x: `echo look here >&2; ${ending}` })
    const { delegate, records } = hostOf()
    outcomeOf(delegate, request)
    t.match(records.stderr, /^(look here\n)+$/, ending)
  }
})

t.test('waits for a program that is being written', async (t) => {
  const { folder, request } = setUp(t, { x: 'echo null' })
  const busy = openSync(join(folder, 'x'), 'r+')
  const patient = hostOf({ sleep: () => closeSync(busy) })
  patient.delegate.run('DEL', 'x', request, '')
  t.pass('it ran when the writer had closed it')
})

t.test('gives up on a program that is written for too long', async (t) => {
  const { folder, request } = setUp(t, { x: 'echo null' })
  const busy = openSync(join(folder, 'x'), 'r+')
  t.teardown(() => closeSync(busy))
  const { delegate, records } = hostOf()
  const error = thrown(() => delegate.run('DEL', 'x', request, ''))
  t.equal(error.message, `${silent}fork/exec ${folder}/x: text file busy`)
  t.strictSame(records.sleeps, [500, 500, 500, 500, 500, 500])
})

t.test('executes what is this executable under a name that no plugin has', async (t) => {
  const { request } = setUp(t, { x: 'echo executed >&2; echo null' })
  const { delegate, records } = hostOf({ isSelf: () => true })
  delegate.run('DEL', 'x', request, '')
  t.equal(records.stderr, 'executed\n')
})

t.test('knows one file under several names', async (t) => {
  const dir = t.testdir({ a: '', other: '' })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(dir, name)) as [string, string, string]
  linkSync(a, b)
  symlinkSync('b', c)
  t.ok(isSameFile(a, b))
  t.ok(isSameFile(c, a))
  t.notOk(isSameFile(a, join(dir, 'other')))
  t.notOk(isSameFile(a, join(dir, 'missing')))
  t.notOk(isSameFile(join(dir, 'missing'), join(dir, 'missing')))
})
