/** What a plugin answers that is called in this process, against the same plugin as an executable. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CniError, DelegationError } from '../../../lib/cni/errors.ts'
import type { Context, Plugin, Request } from '../../../lib/cni/plugin.ts'
import { emptyResult, type Result } from '../../../lib/cni/result.ts'
import { supportedVersions } from '../../../lib/cni/versions.ts'
import { hostOf, pluginOf, seenOf, setUp, verbs } from '../../support/delegation.ts'
import { replyOf } from '../../support/fake-plugin.ts'
import { resultOf } from '../../support/result.ts'
import { thrown } from '../../support/thrown.ts'

const lists = { 'cni.dev/valid-attachments': [] }

/** The executable that the plugin is: it prints what `dispatch` makes of the plugin's answers. */
function scriptOf(plugin: Plugin, request: Request, stdin: string): string {
  const branches = (['ADD', ...verbs] as const).map((verb) => {
    const { host, records } = hostOf()
    const env = { ...request.env, CNI_COMMAND: verb }
    const { exitCode, stdout } = replyOf(plugin, { env, readStdin: () => stdin }, host)
    const print = (text: string) => `printf %s '${text.replaceAll("'", "'\\''")}'`
    return `${verb}) ${print(records.stderr)} >&2; ${print(stdout)}; exit ${exitCode};;`
  })
  return `cat >/dev/null; case $CNI_COMMAND in\n${branches.join('\n')}\nesac`
}

const ip = { address: '10.0.0.2/24', gateway: '10.0.0.1', interface: 0 }
const full = resultOf({
  interfaces: [
    { name: 'eth0', mac: '0a:58:0a:00:00:02', mtu: 1450, sandbox: '/run/netns/x' },
    { name: 'vhost', socketPath: '/run/x', pciID: '0000:00:1f.6' },
  ],
  ips: [ip, { address: 'fd00::2/64' }, { address: '10.0.0.3/24' }],
  routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.1', mtu: 1400, table: 5 }, { dst: '::/0' }, {}],
  dns: { nameservers: ['10.0.0.53'], search: ['a<b & c'] },
})

const fail = (error: Error) => () => {
  throw error
}

/** Every way in which a plugin of ours can answer. */
const answers: Readonly<Record<string, (request: Request, context: Context) => Result>> = {
  'a result': () => full,
  'an empty result': () => emptyResult,
  'a result and diagnostics': (_, { log }) => {
    log.warn('look here')
    return full
  },
  'an error': fail(new CniError(11, 'later', 'wait')),
  'an error without details': fail(new CniError(1234, 'own <&> \u2028')),
  'an error that is no CNI error': fail(new TypeError('x is not a function')),
  'an error about its own delegate': fail(new DelegationError(999, 'no plugin', 'in x; in y')),
  'an error behind diagnostics': (_, { log }) => {
    log.warn('look here')
    throw new CniError(7, 'wrong', 'correct it')
  },
}

t.test('answers alike in every version, called in the process or executed', async (t) => {
  for (const [name, answer] of Object.entries(answers)) {
    const plugin = pluginOf(answer)
    for (const cniVersion of [...supportedVersions, '9.9.9', 'x']) {
      // the caller's own version is another one
      const stdin = JSON.stringify({ name: 'net1', cniVersion, type: 'x', ...lists })
      const { request } = setUp(t, {})
      writeFileSync(join(request.path, 'x'), `#!/bin/sh\n${scriptOf(plugin, request, stdin)}\n`, {
        mode: 0o755,
      })
      const [inside, executed] = [hostOf({ own: [plugin] }), hostOf()]
      const seen = seenOf(inside.delegate, request, stdin)
      t.strictSame(seen, seenOf(executed.delegate, request, stdin), `${name}, ${cniVersion}`)
      t.equal(inside.records.stderr, executed.records.stderr)
    }
  }
})

t.test('alike also for what is no configuration', async (t) => {
  const plugin = pluginOf(() => full)
  for (const stdin of ['', 'x', '[]', '{}', '{"name":"a/b"}', '{"name":"a","log":"debug"}']) {
    const { request } = setUp(t, {})
    const script = `#!/bin/sh\n${scriptOf(plugin, request, stdin)}\n`
    writeFileSync(join(request.path, 'x'), script, { mode: 0o755 })
    const seen = seenOf(hostOf({ own: [plugin] }).delegate, request, stdin)
    t.strictSame(seen, seenOf(hostOf().delegate, request, stdin), stdin)
  }
})

t.test('parses a configuration once that is its caller’s too', async (t) => {
  const inner: Request[] = []
  const plugin = pluginOf((request) => {
    inner.push(request)
    return emptyResult
  })
  const { request: bare } = setUp(t, {}, { ...lists, cniVersion: '1.1.0', log: 'debug' })
  const request = { ...bare, env: { ...bare.env, CNI_LOG_LEVEL: 'debug' } }
  writeFileSync(join(request.path, 'x'), '', { mode: 0o755 })
  const { delegate } = hostOf({ own: [plugin] })
  const copy = `${request.stdin} `
  for (const stdin of [request.stdin, copy]) {
    delegate.add('x', request, stdin)
    delegate.run('GC', 'x', request, stdin)
  }
  const [add, gc, addOfCopy, gcOfCopy] = inner
  t.equal(add?.conf, request.conf)
  t.equal(gc?.conf, request.conf)
  t.not(addOfCopy?.conf, request.conf)
  t.strictSame({ ...add, stdin: copy }, addOfCopy)
  t.strictSame({ ...gc, stdin: copy }, gcOfCopy)
})

t.test('a delegate of a delegate has the time that this has', async (t) => {
  const { request } = setUp(t, { x: '', other: '' })
  const plugin = pluginOf((own, { delegate }) => delegate.add('other', own, own.stdin))
  const times: number[] = []
  let clock = 0
  const { delegate, timeLimits } = hostOf({
    own: [plugin],
    timeoutMs: 60_000,
    now: () => clock,
    otherwise: (delegation) => {
      times.push(timeLimits.next(delegation.request))
      clock += 20_000
      return emptyResult
    },
  })
  for (const stdin of [request.stdin, `${request.stdin} `]) delegate.add('x', request, stdin)
  delegate.add('other', request, request.stdin)
  delegate.add('x', request, request.stdin)
  t.strictSame(times, [60_000, 40_000, 20_000, 10_000])
})

t.test('is stopped when its own delegate is, and says which one hung', async (t) => {
  const { request } = setUp(t, { x: '', slow: 'exec sleep 60' })
  const plugin = pluginOf((own, { delegate }) => delegate.add('slow', own, own.stdin))
  const { delegate } = hostOf({ own: [plugin], timeoutMs: 300 })
  for (const [type, place] of [
    ['x', 'in slow; in x'],
    ['slow', 'in slow'],
  ] as const) {
    const { message, details } = thrown(() => delegate.add(type, request, request.stdin))
    t.equal(message, 'netplugin failed with no error message: signal: killed')
    t.equal(details, `it did not end within 0.3 s and was killed; ${place}`)
  }
})

t.test('executes what is this executable under a name that no plugin has', async (t) => {
  const { request } = setUp(t, { x: 'echo executed >&2; echo null' })
  const { delegate, records } = hostOf({ own: [{ ...pluginOf(() => full), name: 'y' }] })
  delegate.run('DEL', 'x', request, '')
  t.equal(records.stderr, 'executed\n')
})
