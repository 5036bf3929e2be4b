import { chmodSync, closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Request } from '../../../lib/cni/plugin.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { supportedVersions } from '../../../lib/cni/versions.ts'
import { hostOf, pluginOf, seenOf, setUp, variables, verbs } from '../../support/delegation.ts'
import { plain, resultOf } from '../../support/result.ts'
import { thrown } from '../../support/thrown.ts'

t.test('says what a delegate printed instead of a result', async (t) => {
  for (const stdout of ['', 'ok', '[]', '{"cniVersion":"5678.456"}']) {
    const { request } = setUp(t, { x: `printf %s '${stdout}'` })
    const { delegate } = hostOf()
    const { code, details } = thrown(() => delegate.add('x', request, request.stdin))
    t.equal(code, 999)
    t.match(details, `x printed ${JSON.stringify(stdout)} instead of a result`)
    delegate.run('DEL', 'x', request, request.stdin)
  }
})

t.test('reads the results of all versions, and one without a version by its own', async (t) => {
  const ip = { address: '10.0.0.2/24', gateway: '10.0.0.1' }
  const legacy = { ip4: { ip: ip.address, gateway: ip.gateway } }
  const printed = supportedVersions.map((cniVersion) =>
    cniVersion < '0.3.0' ? { cniVersion, ...legacy } : { cniVersion, ips: [ip] },
  )
  for (const result of [...printed, { ips: [ip] }]) {
    const { request } = setUp(t, { x: `printf %s '${JSON.stringify(result)}'` })
    t.strictSame(plain(hostOf().delegate.add('x', request, '')), plain(resultOf({ ips: [ip] })))
  }
  const { request } = setUp(t, { x: 'echo null' })
  t.equal(hostOf().delegate.add('x', request, ''), emptyResult)
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

t.test('gives a delegate the command, the rest of the environment and stdin', async (t) => {
  const script = 'env | grep CNI_ | sort; echo "$#"; cat'
  const { folder, request } = setUp(t, { x: `(${script}) >&2; echo null` })
  const inner: Request[] = []
  const plugin = pluginOf((own) => {
    inner.push(own)
    return emptyResult
  })
  const stdin = `{"name": "net1",\n "cniVersion": "1.1.0", "ä": "\\u00e4", "cni.dev/valid-attachments": []} `
  for (const verb of ['ADD', ...verbs] as const) {
    const { delegate, records } = hostOf()
    for (const each of [delegate, hostOf({ own: [plugin] }).delegate]) {
      if (verb === 'ADD') each.add('x', request, stdin)
      else each.run(verb, 'x', request, stdin)
    }
    const want = { ...variables, CNI_COMMAND: verb, CNI_PATH: folder }
    const lines = Object.entries(want).map(([name, value]) => `${name}=${value}\n`)
    t.equal(records.stderr, `${lines.sort().join('')}0\n${stdin}`)
    const own = inner.pop()
    t.match(own, { command: verb, stdin, env: { ...request.env, CNI_COMMAND: verb } })
  }
  t.equal(request.env['CNI_COMMAND'], 'ADD', 'its own is as before')
})

t.test('passes on what a delegate writes on stderr, however it ends', async (t) => {
  for (const ending of ['echo null', 'echo "{\\"code\\":7,\\"msg\\":\\"x\\"}"; exit 1', 'exit 1']) {
    const { request } = setUp(t, { x: `echo look here >&2; ${ending}` })
    const { delegate, records } = hostOf()
    seenOf(delegate, request, request.stdin)
    t.equal(records.stderr, 'look here\n'.repeat(5), ending)
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
