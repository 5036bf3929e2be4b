import { join } from 'node:path'
import t from 'tap'
import { verifyExecutable } from '../../../commands/install/verify.ts'
import { writeExecutable, writeScript } from '../../support/fake-executable.ts'
import { thrown } from '../../support/thrown.ts'

t.test('each name is asked what it has to know', async (t) => {
  const dir = t.testdir()
  for (const name of ['bridge', 'cni']) {
    writeExecutable(join(dir, name), '1.0.0')
    t.doesNotThrow(() => verifyExecutable(dir, name), name)
  }
})

const broken: [what: string, name: string, script: string, problem: RegExp][] = [
  ['an exit status', 'bridge', '#!/bin/sh\necho oh >&2; exit 3', /exit status 3$/],
  ['another answer', 'bridge', '#!/bin/sh\necho "{}"', /it does not answer as it should$/],
  ['no JSON', 'bridge', '#!/bin/sh\necho oh', /it does not answer as it should$/],
  ['no answer', 'cni', '#!/bin/sh', /it does not answer as it should$/],
  ['no interpreter', 'bridge', '#!/nowhere', /no such file or directory$/],
]

t.test('says what is wrong', async (t) => {
  const dir = t.testdir()
  for (const [what, name, script, message] of broken) {
    writeScript(join(dir, name), script)
    const error = thrown(() => verifyExecutable(dir, name))
    t.match(error, { code: 5, message, details: /glibc 2\.28.* noexec/ }, what)
    if (script.includes('oh')) t.match(error.details, 'it said "oh"')
  }
})
