import t from 'tap'
import { isRecorded, stage } from '../../../lib/base/stage.ts'
import { dispatch } from '../../../lib/cni/dispatch.ts'
import type { Context, Plugin, Request } from '../../../lib/cni/plugin.ts'
import { encodeResult } from '../../../lib/cni/result-encode.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { replyOf, serve } from '../../support/fake-plugin.ts'
import { contextOf } from '../../support/request.ts'

const envOf = (command: string, changes: object = {}) => ({
  CNI_COMMAND: command,
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/none',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/a:/b',
  ...changes,
})
const confOf = (changes: object = {}) =>
  JSON.stringify({ name: 'net1', cniVersion: '1.1.0', type: 'fake', ...changes })
const conf = confOf()

/** A DEL with two stages, one in the other, on a clock that only its sleeps move. */
const staged = {
  run(_: Request, { log, sleep }: Context) {
    log.debug('here')
    sleep(1)
    stage('outer', () => {
      sleep(2)
      stage('netlink: link show x\nfake: forged', () => sleep(1500))
    })
  },
}

const stagedLines = [
  'at    1.00 ms took 1502.00 ms: outer',
  'at    3.00 ms took 1500.00 ms:   netlink: link show x fake: forged',
]

t.test('at level trace it says what each stage took', async (t) => {
  const linesOf = (env: object, keys: object) => {
    const { stderr, exitCode, stdout } = serve(envOf('DEL', env), confOf(keys), staged)
    t.strictSame([exitCode, stdout, isRecorded()], [0, '', false])
    t.ok(stderr.split('\n').every((line) => line === '' || line.startsWith('fake: DEL c1/eth0: ')))
    return stderr.replaceAll('fake: DEL c1/eth0: ', '').trimEnd().split('\n')
  }
  const early = ['here', 'at    0.00 ms took    0.00 ms: parsing stdin']
  t.strictSame(linesOf({ CNI_LOG_LEVEL: 'trace' }, {}), [...early, ...stagedLines])
  const late = ['here', 'at    0.00 ms took    0.00 ms: reading and parsing stdin']
  t.strictSame(linesOf({}, { log: 'trace' }), [...late, ...stagedLines])
  t.strictSame(linesOf({ CNI_LOG_LEVEL: 'debug' }, {}), ['here'])
})

function throwIt(error: Error): never {
  throw error
}

t.test('a call that fails says it, too', async (t) => {
  const { stderr, exitCode } = serve(envOf('DEL', { CNI_LOG_LEVEL: 'trace' }), conf, {
    run: () => stage('trying', () => throwIt(new Error('no'))),
  })
  t.equal(exitCode, 1)
  t.match(stderr, /took {4}0\.00 ms: trying\n$/)
  t.equal(isRecorded(), false)
})

t.test('a delegate is a part of the trace of its caller', async (t) => {
  let stderr = ''
  const host = { ...contextOf(), version: '1', writeStderr: (text: string) => (stderr += text) }
  const readStdin = () => conf
  const inner: Plugin = {
    name: 'inner',
    add: () => emptyResult,
    del: () => stage('work', () => {}),
  }
  const outer: Plugin = {
    name: 'outer',
    add: () => emptyResult,
    del: ({ env }) => stage('DEL of inner', () => void replyOf(inner, { env, readStdin }, host)),
  }
  const env = envOf('DEL', { CNI_LOG_LEVEL: 'trace' })
  let written = ''
  dispatch(outer, { env, readStdin, writeStdout: (text) => (written += text) }, host)
  const lines = stderr.split('\n').map((line) => line.replace(/ at .* ms:/, ''))
  t.strictSame(lines, [
    'outer: DEL c1/eth0: parsing stdin',
    'outer: DEL c1/eth0: DEL of inner',
    'outer: DEL c1/eth0:   parsing stdin',
    'outer: DEL c1/eth0:   work',
    '',
  ])
  t.equal(written, '', 'there is no result to write')
})

t.test('the result is written before the call has ended, and once', async (t) => {
  let happened = ''
  const host = { ...contextOf(), version: '1', writeStderr: (text: string) => (happened += text) }
  const plugin: Plugin = { name: 'fake', add: () => emptyResult, del: () => undefined }
  const env = envOf('ADD', { CNI_LOG_LEVEL: 'trace' })
  const writeStdout = (text: string) => stage('writing', () => void (happened += text))
  t.equal(dispatch(plugin, { env, readStdin: () => conf, writeStdout }, host), 0)
  t.ok(happened.startsWith(`${encodeResult(emptyResult, '1.1.0')}fake: ADD`))
  t.match(happened, /: writing\n$/)
})
