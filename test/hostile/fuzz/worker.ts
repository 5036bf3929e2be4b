/**
 * Sends odd calls through the dispatch of real plugins: `worker.ts RUNS SEED SANDBOX`, on a machine
 * that may be written all over. Prints a `Report` as JSON.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import fc, { type Arbitrary } from 'fast-check'
import { hostLocal } from '../../../ipam/host-local/index.ts'
import { createProcessHost } from '../../../lib/cni/host-process.ts'
import type { Plugin } from '../../../lib/cni/plugin.ts'
import { waitingRemoval } from '../../../lib/net/link-removal.ts'
import { createBridge } from '../../../plugins/bridge/index.ts'
import { flannel } from '../../../plugins/flannel/index.ts'
import { loopback } from '../../../plugins/loopback/index.ts'
import { portmap } from '../../../plugins/portmap/index.ts'
import { replyOf } from '../../support/fake-plugin.ts'
import { subnetEnv } from '../../support/flannel.ts'
import { flaw } from './answer.ts'
import { documentsFor } from './documents.ts'
import { type CallEnvironment, environmentsFor, fifo, pluginFolder } from './environments.ts'

export interface Report {
  /** How often each plugin answered a command with this code; 0 is success. */
  readonly answers: Readonly<Record<string, number>>
  /** What the property failed with; absent when it held. */
  readonly failure?: string
  readonly slowestMs: number
  /** The most memory that was used, in bytes. */
  readonly maxRss: number
  /** What has been added to the prototype of all objects. */
  readonly polluted: readonly string[]
}

interface FuzzedCall {
  readonly plugin: Plugin
  readonly env: CallEnvironment
  readonly stdin: string
}

const [, , runs = '', seed = '', sandbox = ''] = process.argv
const bridge = createBridge(waitingRemoval)
const plugins = [hostLocal, loopback, bridge, flannel, portmap]

/** Of ten calls so many reach the sandbox; the rest have bad ones. What costs much is rare. */
const shares = [
  { plugin: hostLocal, weight: 50, share: 5 },
  { plugin: loopback, weight: 20, share: 8 },
  { plugin: bridge, weight: 15, share: 0 },
  { plugin: flannel, weight: 14, share: 0 },
  { plugin: bridge, weight: 1, share: 9 },
  { plugin: portmap, weight: 1, share: 9 },
]

const calls: Arbitrary<FuzzedCall> = fc.oneof(
  ...shares.map(({ plugin, weight, share }) => ({
    weight,
    arbitrary: fc.record({
      plugin: fc.constant(plugin),
      env: environmentsFor(sandbox, share),
      stdin: documentsFor(plugin.name),
    }),
  })),
)

for (const folder of [pluginFolder, '/state/cwd']) mkdirSync(folder)
for (const { name } of plugins) symlinkSync(process.execPath, `${pluginFolder}/${name}`)
writeFileSync('/state/subnet.env', subnetEnv)
execFileSync('mkfifo', [fifo])
process.chdir('/state/cwd')

const host = { ...createProcessHost(plugins), writeStderr: () => undefined }
const answers: Record<string, number> = {}
let slowestMs = 0

const isAnswered = fc.property(calls, ({ plugin, env, stdin }) => {
  const started = performance.now()
  const reply = replyOf(plugin, { env, readStdin: () => stdin }, host)
  slowestMs = Math.max(slowestMs, performance.now() - started)
  const code: unknown = reply.exitCode === 0 ? 0 : JSON.parse(reply.stdout).code
  const key = `${plugin.name} ${env.CNI_COMMAND} ${String(code)}`
  answers[key] = (answers[key] ?? 0) + 1
  const wrong = flaw(reply, env.CNI_COMMAND)
  if (wrong !== undefined) throw new Error(`${wrong}: ${reply.stdout}`)
})
const details = fc.check(isAnswered, { numRuns: Number(runs), seed: Number(seed) })
const failure = details.failed ? fc.defaultReportMessage(details) : undefined

const report: Report = {
  answers,
  ...(failure !== undefined && { failure }),
  slowestMs,
  maxRss: process.resourceUsage().maxRSS * 1024,
  polluted: Object.keys(Object.prototype),
}
console.log(JSON.stringify(report))
