/** What a call costs does not depend on how many pods the node has. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { hostLocal } from '../../../ipam/host-local/index.ts'
import { binDir } from '../../../scripts/lab/executables.ts'
import { run } from '../../../scripts/lab/run.ts'
import { contextOf, requestOf } from '../../support/request.ts'
import { callOptions } from './call.ts'
import { straceSkip } from './faults.ts'

/** The names of the system calls about files below the folder, in their order. */
async function fileCalls(command: string, conf: object, folder: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'cnits-trace-'))
  try {
    const trace = join(dir, 'trace')
    const strace = ['strace', '-qq', '-s', '4096', '-e', 'trace=%file', '-o', trace]
    await run([...strace, join(binDir(), 'host-local')], callOptions(command, 'new', conf))
    const lines = readFileSync(trace, 'utf8').split('\n')
    return lines.filter((line) => line.includes(folder)).map((line) => /^\w+/.exec(line)?.[0] ?? '')
  } finally {
    rmSync(dir, { recursive: true })
  }
}

t.test('the same system calls with 2 pods and with 1000', { skip: straceSkip() }, async (t) => {
  const context = contextOf({ now: () => Date.now() })
  const costs = []
  for (const pods of [2, 1000]) {
    const dataDir = join(t.testdir(), `${pods}`)
    const conf = { cniVersion: '1.1.0', name: 'net1', ipam: { dataDir, subnet: '10.1.0.0/16' } }
    for (let index = 0; index < pods; index++) {
      hostLocal.add(requestOf({ containerId: `c${index}`, conf }), context)
    }
    const [add, del] = [
      await fileCalls('ADD', conf, dataDir),
      await fileCalls('DEL', conf, dataDir),
    ]
    costs.push({ add, del })
  }
  t.ok((costs[0]?.add.length ?? 0) > 10)
  t.ok((costs[0]?.add.length ?? 99) < 30)
  t.strictSame(costs[0], costs[1])
})
