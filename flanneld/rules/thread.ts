/** The thread of the rules, with the whole program in it. */
import { getBuiltinModule } from 'node:process'
import type { MessagePort, Worker } from 'node:worker_threads'
import { isObject } from '../../lib/base/json.ts'
import type { ThreadSettings } from './protocol.ts'

/** Says which thread it is. */
const purpose = 'packet-filter rules'

/** Listings of long chains have to fit; more is never used, and what ends it is told. */
const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 }

/**
 * Starts a thread that runs the entry of this program, `entry` when that is a file. The packaged
 * executable has no file: there it runs the launcher that the executable itself starts with.
 */
export function startRulesThread(entry: string, settings: ThreadSettings): Worker {
  const { Worker } = getBuiltinModule('node:worker_threads')
  const sea = getBuiltinModule('node:sea')
  const options = { env: {}, argv: [], workerData: { purpose, settings }, resourceLimits }
  return sea.isSea()
    ? new Worker(sea.getAsset('launcher', 'utf8'), { ...options, eval: true })
    : new Worker(entry, options)
}

/** What a thread of the rules was started with; undefined in every other thread. */
export interface RulesThread {
  readonly port: MessagePort
  readonly settings: ThreadSettings
}

/** For the entry of the program: what it has to serve in this thread instead of being the agent. */
export function thisRulesThread(): RulesThread | undefined {
  const { parentPort, workerData } = getBuiltinModule('node:worker_threads')
  if (parentPort === null || !isObject(workerData) || workerData['purpose'] !== purpose) {
    return undefined
  }
  const { settings } = workerData as { readonly settings: ThreadSettings } // of startRulesThread
  return { port: parentPort, settings }
}
