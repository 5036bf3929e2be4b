import t from 'tap'
import { interruptedVariable, serveCall } from '../../../lib/cni/interrupted.ts'
import type { Plugin } from '../../../lib/cni/plugin.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { contextOf } from '../../support/request.ts'

const conf = JSON.stringify({ cniVersion: '1.0.0', name: 'net1', type: 'test' })

/** Serves one call of a plugin whose DEL throws `problem`; what happened, in order. */
function serve(env: object, problem?: Error, stdin: () => string = () => conf) {
  const happened: string[] = []
  const plugin: Plugin = {
    name: 'test',
    add(request) {
      happened.push(interruptedVariable in request.env ? 'ADD that hears of it' : 'ADD')
      return emptyResult
    },
    del() {
      happened.push('DEL')
      if (problem !== undefined) throw problem
    },
  }
  let stderr = ''
  const host = { ...contextOf(), version: '1.2.3', writeStderr: (text: string) => (stderr += text) }
  const readStdin = () => {
    happened.push('read')
    return stdin()
  }
  const attachment = { CNI_CONTAINERID: 'c1', CNI_NETNS: '/n', CNI_IFNAME: 'eth0', CNI_PATH: '/p' }
  let stdout = ''
  const writeStdout = (text: string) => {
    stdout += text
  }
  const call = { env: { ...attachment, ...env }, readStdin, writeStdout }
  const exitCode = serveCall(plugin, call, host)
  return { exitCode, stdout, happened, stderr }
}

const interrupted = { [interruptedVariable]: '1' }

t.test('an ADD that was begun is removed first', async (t) => {
  t.match(serve({ CNI_COMMAND: 'ADD', ...interrupted }), {
    exitCode: 0,
    stdout: /^\{\s+"cniVersion": "1\.0\.0"\s+\}$/,
    happened: ['read', 'DEL', 'ADD'],
    stderr: '',
  })
})

t.test('any other call is served as it is', async (t) => {
  t.strictSame(serve({ CNI_COMMAND: 'ADD' }).happened, ['read', 'ADD'])
  t.strictSame(serve({ CNI_COMMAND: 'DEL', ...interrupted }).happened, ['read', 'DEL'])
  const off = { CNI_COMMAND: 'ADD', [interruptedVariable]: '' }
  t.strictSame(serve(off).happened, ['read', 'ADD'])
})

t.test('what cannot be removed does not keep the ADD from being tried', async (t) => {
  const served = serve({ CNI_COMMAND: 'ADD', ...interrupted }, new Error('no'))
  t.match(served, { exitCode: 0, stdout: /cniVersion/, happened: ['read', 'DEL', 'ADD'] })
  t.notMatch(served.stdout, '"msg"', 'the answer is that of the ADD alone')
  t.match(served.stderr, /^test: removing what an interrupted ADD left: .*"msg": "no"/s)
})

t.test('a stdin that cannot be read is not read twice', async (t) => {
  const served = serve({ CNI_COMMAND: 'ADD', ...interrupted }, undefined, () => {
    throw new Error('not closed within 10 s')
  })
  t.match(served, { exitCode: 1, happened: ['read'] })
  t.match(served.stdout, 'error reading from stdin: not closed within 10 s')
})
