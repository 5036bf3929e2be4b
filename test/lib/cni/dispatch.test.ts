import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import type { Command, Context, Plugin, Request } from '../../../lib/cni/plugin.ts'
import { encodeResult } from '../../../lib/cni/result-encode.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { supportedVersions } from '../../../lib/cni/versions.ts'
import { replyOf, serve } from '../../support/fake-plugin.ts'
import { contextOf } from '../../support/request.ts'
import { resultOf } from '../../support/result.ts'

const attachment = {
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/none',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'K=v',
  CNI_PATH: '/a:/b',
}
const envOf = (command: Command, changes: object = {}) => ({
  CNI_COMMAND: command,
  ...attachment,
  ...changes,
})
const valid = { 'cni.dev/valid-attachments': [] }
const confOf = (changes: object = {}) =>
  JSON.stringify({ name: 'net1', cniVersion: '1.1.0', type: 'fake', ...valid, ...changes })
const conf = confOf()

t.test('VERSION needs nothing, and does not touch stdin', async (t) => {
  const { exitCode, stdout, stderr, reads } = serve({ CNI_COMMAND: 'VERSION' }, new Error('read'))
  t.equal(
    stdout,
    '{"cniVersion":"1.1.0","supportedVersions":' +
      '["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n',
  )
  t.strictSame([exitCode, stderr, reads], [0, '', 0])
})

const versionLine =
  'CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n'

t.test('without a command it says on stderr what it is', async (t) => {
  for (const env of [{}, { CNI_COMMAND: '' }, envOf('ADD', { CNI_COMMAND: undefined })]) {
    const { exitCode, stdout, stderr, reads } = serve(env, new Error('read'))
    t.equal(stderr, `CNI fake plugin v1.2.3\n${versionLine}`)
    t.strictSame([exitCode, stdout, reads], [0, '', 0])
  }
  let stderr = ''
  const host = {
    ...contextOf(),
    version: '1.2.3',
    writeStderr: (text: string) => {
      stderr += text
    },
  }
  const flannel: Plugin = { name: 'flannel', add: () => emptyResult, del: () => undefined }
  replyOf(flannel, { env: {}, readStdin: () => '' }, host)
  t.equal(stderr, `CNI Plugin flannel version v1.2.3\n${versionLine}`)
})

// Each line mends what the line before complains of.
const inOrder: [env: object, stdin: string | Error, code: number, msg: string][] = [
  [
    { CNI_COMMAND: 'ADD', CNI_CONTAINERID: '../c1', CNI_IFNAME: 'a b' },
    new Error('broken pipe'),
    4,
    'invalid characters in containerID',
  ],
  [
    { CNI_COMMAND: 'ADD', CNI_IFNAME: 'a b' },
    new Error('broken pipe'),
    4,
    'interface name contains / or : or whitespace characters',
  ],
  [
    { CNI_COMMAND: 'ADD' },
    new Error('broken pipe'),
    4,
    'required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing',
  ],
  [envOf('ADD'), new Error('broken pipe'), 5, 'error reading from stdin: broken pipe'],
  [
    envOf('ADD', { CNI_COMMAND: 'UPDATE' }),
    '',
    6,
    'error unmarshall network config: Unexpected end of JSON input',
  ],
  [envOf('ADD', { CNI_COMMAND: 'UPDATE' }), '{}', 7, 'missing network name'],
  [
    envOf('ADD', { CNI_COMMAND: 'UPDATE' }),
    '{"name":"../x"}',
    7,
    'invalid characters found in network name',
  ],
  [
    envOf('ADD', { CNI_COMMAND: 'UPDATE' }),
    confOf({ cniVersion: '9.9.9' }),
    4,
    'unknown CNI_COMMAND: UPDATE',
  ],
  [
    envOf('ADD', { CNI_NETNS: '/proc/self/ns/net' }),
    confOf({ cniVersion: '9.9.9' }),
    1,
    'incompatible CNI versions',
  ],
  [
    envOf('ADD', { CNI_NETNS: '/proc/self/ns/net' }),
    conf,
    8,
    "plugin's netns and netns from CNI_NETNS should not be the same",
  ],
]

t.test('reports the first thing that is wrong, before it does anything', async (t) => {
  for (const [env, stdin, code, msg] of inOrder) {
    const { exitCode, stdout, stderr, requests } = serve({ ...env }, stdin)
    const error = JSON.parse(stdout)
    t.equal(error.msg, msg)
    t.equal(error.code, code, msg)
    t.strictSame([exitCode, stderr, requests], [1, '', []])
  }
  t.equal(serve(envOf('ADD'), conf).requests.length, 1, 'and when all is well, it works')
})

t.test('a bad name of the network is an error of every command', async (t) => {
  for (const command of ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC'] as const) {
    const { stdout } = serve(envOf(command), confOf({ name: 'a b' }))
    t.strictSame(JSON.parse(stdout), {
      code: 7,
      msg: 'invalid characters found in network name',
      details: 'a b',
    })
  }
})

t.test('writes an error as Go does', async (t) => {
  const typed = serve(envOf('ADD'), conf, {
    add: () => {
      throw new CniError(1234, 'no <address>', 'add one')
    },
  })
  t.equal(
    typed.stdout,
    '{\n    "code": 1234,\n    "msg": "no \\u003caddress\\u003e",\n    "details": "add one"\n}',
  )
  t.equal(typed.exitCode, 1)
  for (const command of ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC'] as const) {
    const fail = () => {
      throw new TypeError('a mistake of ours')
    }
    const untyped = serve(envOf(command), conf, { add: fail, run: fail })
    t.equal(untyped.stdout, '{\n    "code": 999,\n    "msg": "a mistake of ours"\n}', command)
    t.equal(untyped.exitCode, 1)
  }
})

const result = resultOf({
  interfaces: [{ name: 'eth0', mtu: 1450, sandbox: '/x' }],
  ips: [{ address: '10.0.0.2/24', interface: 0 }],
  routes: [{ dst: '0.0.0.0/0', mtu: 1400 }],
})

t.test('answers ADD in the version of the configuration', async (t) => {
  for (const cniVersion of supportedVersions) {
    const { exitCode, stdout } = serve(envOf('ADD'), confOf({ cniVersion }), { add: () => result })
    t.equal(exitCode, 0)
    t.equal(stdout, encodeResult(result, cniVersion))
    t.equal(JSON.parse(stdout).cniVersion, cniVersion)
  }
  for (const cniVersion of [undefined, '', null]) {
    const { stdout, requests } = serve(envOf('ADD'), confOf({ cniVersion }), { add: () => result })
    t.equal(stdout, encodeResult(result, '0.1.0'))
    t.match(requests[0], { configuredVersion: /^$/, conf: { cniVersion: '0.1.0' } })
  }
})

t.test('answers ADD with an error when the version cannot hold the result', async (t) => {
  const { exitCode, stdout } = serve(envOf('ADD'), confOf({ cniVersion: '0.2.0' }))
  t.equal(exitCode, 1)
  t.match(JSON.parse(stdout), { code: 999, msg: 'cannot convert: no valid IP addresses' })
})

t.test('answers the other commands with nothing', async (t) => {
  for (const command of ['DEL', 'CHECK', 'STATUS', 'GC'] as const) {
    const { exitCode, stdout, stderr, requests } = serve(envOf(command), conf)
    t.strictSame([exitCode, stdout, stderr], [0, '', ''])
    t.strictSame(
      requests.map((request) => request.command),
      [command],
    )
  }
})

t.test('GC without a list of what is valid does not reach the plugin', async (t) => {
  const gc = (keys: object) => serve(envOf('GC'), confOf({ ...absent, ...keys }))
  const absent = { 'cni.dev/valid-attachments': undefined }
  const { exitCode, stdout, stderr, requests } = gc({})
  t.strictSame([exitCode, stdout, requests], [0, '', []])
  t.match(stderr, /^fake: GC .*: warning: nothing is removed: .* no cni\.dev\/valid-attachments, /)
  for (const list of [null, [], 'all', {}]) {
    for (const key of ['cni.dev/valid-attachments', 'cni.dev/attachments']) {
      const given = gc({ [key]: list })
      t.strictSame([given.stderr, given.requests.length], ['', 1], 'the plugin judges it')
    }
  }
  t.equal(serve(envOf('DEL'), confOf(absent)).requests.length, 1)
})

t.test(
  'a command that the plugin does not have succeeds, in the versions that have it',
  async (t) => {
    const plugin: Plugin = { name: 'small', add: () => emptyResult, del: () => undefined }
    const host = { ...contextOf(), version: '1', writeStderr: () => undefined }
    const call = (command: Command, stdin: string) =>
      replyOf(plugin, { env: envOf(command), readStdin: () => stdin }, host)
    for (const command of ['CHECK', 'STATUS', 'GC'] as const) {
      t.strictSame(call(command, conf), { exitCode: 0, stdout: '' })
      const { exitCode, stdout } = call(command, confOf({ cniVersion: '0.3.1' }))
      t.equal(exitCode, 1)
      t.match(JSON.parse(stdout), { code: 1, msg: `config version does not allow ${command}` })
    }
  },
)

t.test('hands on the call', async (t) => {
  const stdin = ' {"Name": "net1", "cniVersion": "1.0.0", "bridge": "cni0"}\n'
  const { requests, reads } = serve(envOf('ADD', { HOME: '/root' }), stdin)
  t.strictSame(requests[0], {
    command: 'ADD',
    network: 'net1',
    containerId: 'c1',
    netns: '/run/netns/none',
    ifName: 'eth0',
    args: 'K=v',
    path: '/a:/b',
    conf: { name: 'net1', cniVersion: '1.0.0', bridge: 'cni0' },
    configuredVersion: '1.0.0',
    stdin,
    env: envOf('ADD', { HOME: '/root' }),
  })
  t.equal(reads, 1)
  const [gc] = serve({ CNI_COMMAND: 'GC', CNI_PATH: '/a' }, conf).requests
  t.match(gc, { containerId: /^$/, netns: /^$/, ifName: /^$/, args: /^$/, path: '/a' })
})

t.test('a plugin delegates to any but itself', async (t) => {
  const delegating = (type: string) => ({
    add: (request: Request, { delegate }: Context) => delegate.add(type, request, request.stdin),
    run: (request: Request, { delegate }: Context) => {
      delegate.run('DEL', type, request, request.stdin)
    },
  })
  for (const command of ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC'] as const) {
    const own = JSON.parse(serve(envOf(command), conf, delegating('fake')).stdout)
    t.equal(own.msg, 'the fake plugin cannot delegate to itself')
    t.match(own, { code: 7, details: /"ipam\.type" or "delegate\.type"/ })
    const other = JSON.parse(serve(envOf(command), conf, delegating('other')).stdout)
    t.match(other.msg, /^this test does not expect a delegation (of DEL )?to other$/)
  }
})

const logs: [env: object, conf: object, want: string][] = [
  [{}, {}, 'fake: DEL c1/eth0: warning: late\n'],
  [{ CNI_LOG_LEVEL: 'debug' }, {}, 'fake: DEL c1/eth0: warning: late\nfake: DEL c1/eth0: here\n'],
  [{}, { log: 'debug' }, 'fake: DEL c1/eth0: warning: late\nfake: DEL c1/eth0: here\n'],
  [{ CNI_LOG_LEVEL: 'debug' }, { log: 'warn' }, 'fake: DEL c1/eth0: warning: late\n'],
  [{ CNI_LOG_LEVEL: 'TRACE' }, { log: 'all' }, 'fake: DEL c1/eth0: warning: late\n'],
  [{ CNI_LOG_LEVEL: 'trace' }, { log: 'warn' }, 'fake: DEL c1/eth0: warning: late\n'],
]

t.test(
  'logs to stderr, and as much as the configuration or the environment asks for',
  async (t) => {
    for (const [env, keys, want] of logs) {
      const run = serve(envOf('DEL', env), confOf(keys), {
        run: (_, { log }) => {
          log.warn('late')
          log.debug('here')
        },
      })
      t.equal(run.stderr, want)
      t.equal(run.stdout, '')
    }
    const [request] = serve(envOf('DEL'), confOf({ log: 'debug' })).requests
    t.equal(request?.env['CNI_LOG_LEVEL'], 'debug', 'delegates log alike')
    const status = serve(envOf('STATUS', { CNI_CONTAINERID: '' }), conf, {
      run: (_, { log }) => log.warn('full'),
    })
    t.equal(status.stderr, 'fake: STATUS: warning: full\n')
  },
)
