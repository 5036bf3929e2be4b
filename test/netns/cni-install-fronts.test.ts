/** `cni install` with the packaged executables, while a runtime calls plugins. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, copyFileSync, linkSync, mkdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { formatStamp } from '../../lib/base/stamp.ts'
import { version } from '../../lib/base/version.ts'
import { binDir, frontSkip, pluginNames } from '../../scripts/lab/executables.ts'
import { run } from '../../scripts/lab/run.ts'

const plugins = pluginNames()

/** Copies an executable, and makes another version of it. */
function copyAs(name: string, path: string, other: string): void {
  copyFileSync(join(binDir(), name), path)
  truncateSync(path, statSync(path).size - formatStamp(version).length)
  appendFileSync(path, formatStamp(other))
}

/** Calls plugins until it is told to stop, and writes what does not answer. */
const callingForEver = `cd "$0"
while ! [ -e stop ]; do for name in "$@"; do
  "./$name" </dev/null | grep -q supportedVersions || echo "$name"
done; done`

t.test('an upgrade while plugins are called', { skip: frontSkip() }, async (t) => {
  const dir = t.testdir()
  const bin = join(dir, 'bin')
  mkdirSync(bin)
  copyAs('cni', join(bin, 'cni'), '0.0.1')
  copyAs('bridge', join(bin, 'bridge'), '0.0.1')
  const others = plugins.filter((name) => name !== 'bridge')
  for (const name of others) linkSync(join(bin, 'bridge'), join(bin, name))

  const { PATH } = process.env
  const env = { PATH, CNI_COMMAND: 'VERSION', FLANNEL_CNI_SOCKET: '' }
  const caller = spawn('sh', ['-c', callingForEver, bin, ...plugins], { env })
  const closed = once(caller, 'close')
  const failed = text(caller.stdout)
  const cni = join(binDir(), 'cni')
  const { code, stdout } = await run([cni, 'install', '--bin-dir', bin, '--conf-dir', dir])
  appendFileSync(join(bin, 'stop'), '')
  await closed
  t.equal(code, 0, stdout)
  for (const name of [...plugins, 'cni']) {
    t.match(stdout, `replaced ${join(bin, name)}, which had version 0.0.1\n`)
  }
  t.equal(await failed, '', 'every call is answered')
})
