/**
 * The agent's process as far as rules go: it has them kept by a thread, waits for nothing, and ends
 * after so many milliseconds: `MS`. Then it says by a line of JSON how long its own timers have
 * had to wait.
 */
import { join } from 'node:path'
import { RulesKeeper } from '../../flanneld/rules/keeper.ts'
import { endProcess } from '../../lib/linux/libc.ts'
import { specOf } from './node-rules.ts'

const intervalMs = 20
let lastMs = performance.now()
let longestMs = 0
setInterval(() => {
  longestMs = Math.max(longestMs, performance.now() - lastMs)
  lastMs = performance.now()
}, intervalMs)

const nothing = () => undefined
let isSet = false
void RulesKeeper.start(specOf('nftables'), {
  ...{ entry: join(import.meta.dirname, 'rules-thread.ts'), searchPath: '', resyncMs: 1000 },
  log: { warn: nothing, debug: nothing },
  events: { repaired: nothing, failed: nothing },
}).then(() => (isSet = true))

setTimeout(() => {
  process.stdout.write(`${JSON.stringify({ longestMs, isSet })}\n`)
  endProcess(0)
}, Number(process.argv[2]))
