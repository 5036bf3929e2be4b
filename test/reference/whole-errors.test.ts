/**
 * Errors whose whole text the tests of the Go plugins compare, message and details joined: those of
 * ours are the same to the letter.
 */
import t from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import type { Case } from './case.ts'
import { add, bridge, check, hostLocal, loopback, portmap } from './cases/builders.ts'
import { goDir, referenceSkip } from './go-plugins.ts'
import { runCase, type Sight } from './run-case.ts'
import { isBranch } from './tree.ts'

const old = ['0.1.0', '0.2.0']
const beforeCheck = [...old, '0.3.0', '0.3.1']
const families = { ranges: [[{ subnet: '10.1.2.0/24' }], [{ subnet: '10.1.3.0/24' }]] }
const plugins = {
  'host-local': (version: string) => hostLocal('CHECK', {}, { keys: { cniVersion: version } }),
  bridge: (version: string) => bridge('CHECK', { cniVersion: version }),
  portmap: (version: string) => portmap('CHECK', { cniVersion: version }),
  loopback: (version: string) => loopback('CHECK', { cniVersion: version }),
}

const cases: readonly Case[] = [
  ...old.map((cniVersion) =>
    hostLocal('two addresses of a family', families, { keys: { cniVersion }, steps: [add] }),
  ),
  ...old.map((cniVersion) => bridge('no address', { cniVersion }, { steps: [add] })),
  ...Object.values(plugins).flatMap((create) =>
    beforeCheck.map((version) => ({ ...create(version), steps: [check] })),
  ),
]

for (const [index, testCase] of cases.entries()) {
  t.test(`${index}: ${testCase.name}`, { skip: referenceSkip() }, async (t) => {
    const [theirs] = await runCase(testCase, goDir)
    const [ours] = await runCase(testCase, binDir())
    t.match(textOf(theirs), { msg: /./, details: undefined })
    t.strictSame(textOf(ours), textOf(theirs))
  })
}

/** What Go's error type joins to its text. */
function textOf(sight: Sight | undefined): unknown {
  const content = sight?.reply?.content
  const error = isBranch(content) ? content['error'] : undefined
  return isBranch(error) ? { msg: error['msg'], details: error['details'] } : sight?.reply?.kind
}
