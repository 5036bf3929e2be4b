import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Environment } from '../../../lib/base/environment.ts'
import { createDelegate } from '../../../lib/cni/delegate.ts'
import { executing } from '../../../lib/cni/executed-delegate.ts'
import { createInvoker } from '../../../lib/cni/invoker.ts'
import { resultToJson } from '../../../lib/cni/result-encode.ts'
import { TimeLimits } from '../../../lib/cni/time-limits.ts'
import { thrown } from '../../support/thrown.ts'

/** Plugins that are executed, found in `folder`. */
function setUp(t: Test, scripts: Readonly<Record<string, string>>) {
  const texts = Object.entries(scripts).map(([name, text]) => [name, `#!/bin/sh\n${text}\n`])
  const folder = t.testdir(Object.fromEntries(texts))
  for (const name of Object.keys(scripts)) chmodSync(join(folder, name), 0o755)
  let stderr = ''
  const delegate = createDelegate(
    executing({
      timeLimits: new TimeLimits(() => Date.now(), 500),
      writeStderr: (text) => {
        stderr += text
      },
      sleep: () => undefined,
    }),
  )
  const env: Environment = { PATH: process.env['PATH'], CNI_PATH: folder, CNI_IFNAME: 'eth0' }
  return { invoker: createInvoker(delegate), folder, env, stderr: () => stderr }
}

const stdin = '{"cniVersion":"0.4.0","name":"net1","type":"x"}'

t.test('executes a plugin with its environment and stdin', async (t) => {
  const script = `echo "$CNI_COMMAND $CNI_IFNAME $(cat)" >&2
    [ $CNI_COMMAND != ADD ] || echo '{"ips":[{"version":"4","address":"10.0.0.2/24"}]}'`
  const { invoker, env, stderr } = setUp(t, { x: script })
  const result = invoker.add({ type: 'x', env, stdin })
  t.match(resultToJson(result, '0.4.0'), { ips: [{ address: '10.0.0.2/24' }] })
  invoker.run('DEL', { type: 'x', env, stdin })
  t.equal(stderr(), `ADD eth0 ${stdin}\nDEL eth0 ${stdin}\n`)
})

t.test('passes on the error of a plugin', async (t) => {
  const script = `printf '{"code": 50, "msg": "no addresses", "details": "all taken"}'; exit 1`
  const { invoker, env } = setUp(t, { x: script })
  const error = thrown(() => invoker.run('CHECK', { type: 'x', env, stdin }))
  t.match(error, { code: 50, message: 'no addresses', details: 'all taken; in x' })
})

t.test('finds plugins, or says where it looked', async (t) => {
  const { invoker, folder } = setUp(t, { x: 'exit 0' })
  invoker.find('x', `/nowhere:${folder}`)
  const error = thrown(() => invoker.find('does-not-exist', folder))
  t.equal(error.message, `failed to find plugin "does-not-exist" in path [${folder}]`)
})

t.test('kills a plugin that hangs, and says which one', async (t) => {
  const { invoker, env } = setUp(t, { sleepy: 'exec sleep 30' })
  const error = thrown(() => invoker.run('DEL', { type: 'sleepy', env, stdin }))
  t.equal(error.message, 'netplugin failed with no error message: signal: killed')
  t.equal(error.details, 'it did not end within 0.5 s and was killed; in sleepy')
})
