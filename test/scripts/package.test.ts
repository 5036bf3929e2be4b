/** The executables as packaged. */
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { version as packageVersion } from '../../lib/base/version.ts'
import { currentVersion, supportedVersions } from '../../lib/cni/versions.ts'
import { binDir, frontSkip, installedNames, pluginNames } from '../../scripts/lab/executables.ts'

const names = installedNames()
const plugins = pluginNames()

function version(path: string, env: Record<string, string> = {}): unknown {
  const { stdout } = spawnSync(path, { env: { CNI_COMMAND: 'VERSION', ...env }, encoding: 'utf8' })
  return JSON.parse(stdout)
}

const expected = { cniVersion: currentVersion, supportedVersions }

t.test('one file under the names of all plugins', async (t) => {
  t.match(names, ['bridge', 'cni', 'flannel', 'host-local', 'loopback'])
  t.equal(new Set(plugins.map((name) => statSync(join(binDir(), name)).ino)).size, 1)
})

t.test('the node agent is the same file as cni, under its own name', async (t) => {
  const [agent, cni] = ['flanneld', 'cni'].map((name) => statSync(join(binDir(), name)))
  t.equal(agent?.ino, cni?.ino)
  const { status, stderr } = spawnSync(join(binDir(), 'flanneld'), ['--version'])
  t.strictSame([status, stderr.toString()], [0, `${packageVersion}\n`])
})

t.test('every plugin answers VERSION', async (t) => {
  for (const name of plugins) t.same(version(join(binDir(), name)), expected, name)
})

t.test('a symbolic link is as good as the name', async (t) => {
  const link = join(t.testdir(), 'bridge')
  symlinkSync(join(binDir(), 'cni'), link)
  t.same(version(link), expected)
})

t.test('the environment cannot bring other code in', async (t) => {
  const dir = t.testdir({ 'injected.cjs': "console.log('injected')" })
  const NODE_OPTIONS = `--require=${dir}/injected.cjs`
  t.same(version(join(binDir(), 'bridge'), { NODE_OPTIONS }), expected)
})

t.test('no variable changes what Node does', { skip: frontSkip() }, async (t) => {
  const dir = t.testdir({ 'injected.cjs': "console.log('injected')" })
  const variables = {
    NODE_V8_COVERAGE: dir,
    NODE_COMPILE_CACHE: dir,
    NODE_REPL_EXTERNAL_MODULE: `${dir}/injected.cjs`,
    NODE_DEBUG: 'fs,module',
    LD_PRELOAD: `${dir}/missing.so`,
    OPENSSL_CONF: `${dir}/missing.cnf`,
  }
  for (const [name, value] of Object.entries(variables)) {
    const env = { CNI_COMMAND: 'VERSION', [name]: value }
    const { stdout, stderr } = spawnSync(join(binDir(), 'bridge'), { env, encoding: 'utf8' })
    t.same(JSON.parse(stdout), expected, name)
    t.equal(stderr, '', name)
  }
  t.strictSame(readdirSync(dir), ['injected.cjs'])
})

t.test('a name that is no plugin says which there are', async (t) => {
  const link = join(t.testdir(), 'ptp')
  symlinkSync(join(binDir(), 'cni'), link)
  const { status, stdout, stderr } = spawnSync(link, { encoding: 'utf8' })
  t.equal(status, 1)
  t.equal(stdout, '')
  t.match(stderr, 'flannel, bridge, host-local, portmap, loopback, cni')
})
