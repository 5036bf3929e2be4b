import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readStamp } from '../../../lib/base/stamp.ts'
import { version } from '../../../lib/base/version.ts'
import { currentVersion } from '../../../lib/cni/versions.ts'
import { buildFront } from '../../../scripts/build/front.ts'
import { missingProgram } from '../../../scripts/lab/run.ts'
import { writeExecutable, writeScript } from '../../support/fake-executable.ts'

/** A compiler of our own, as a script. */
function setUp(t: Test, script = '') {
  const dir = t.testdir()
  const [output, cc] = [join(dir, 'front'), join(dir, 'compiler')]
  writeScript(cc, `#!/bin/sh\n${script}\n`)
  return { dir, output, cc }
}

t.test('without a compiler there is no front, and that is no failure', async (t) => {
  const { output, cc } = setUp(t, 'echo "stdio.h: not here" >&2; exit 1')
  t.match(buildFront(output, '/nonexistent'), /^there is no C compiler .*: .*\/nonexistent ENOENT$/)
  t.equal(buildFront(output, cc), 'there is no C compiler that works: stdio.h: not here')
  t.notOk(existsSync(output))
})

const skip = missingProgram('cc')

t.test('the front is stamped, and executes the cni beside it', { skip }, async (t) => {
  const { dir, output } = setUp(t)
  t.equal(buildFront(output, undefined), undefined)
  t.equal(readStamp(output), version)
  t.equal(statSync(output).mode & 0o777, 0o755)
  const call = () => {
    const env = { CNI_COMMAND: 'VERSION', FLANNEL_CNI_SOCKET: '' }
    return JSON.parse(spawnSync(output, { env, encoding: 'utf8' }).stdout)
  }
  t.match(call(), { code: 999, msg: /\/cni: No such file or directory$/ })
  writeExecutable(join(dir, 'cni'), version)
  t.match(call(), { cniVersion: currentVersion })
})

t.test('a compiler that cannot link statically, and one with words', { skip }, async (t) => {
  const { output, cc } = setUp(
    t,
    'case "$*" in *" -static "*) exit 1;; *-DNAMED*) exec cc "$@";; *) exit 2;; esac',
  )
  t.equal(buildFront(output, `${cc} -DNAMED`), undefined)
  t.equal(readStamp(output), version)
})

t.test('a compiler that refuses the source is a failure', { skip }, async (t) => {
  const { output, cc } = setUp(t, 'case "$*" in *GREETING*) exit 1;; esac; exec cc "$@"')
  t.throws(() => buildFront(output, cc), { message: /cannot compile .*\/front\.c: / })
})
