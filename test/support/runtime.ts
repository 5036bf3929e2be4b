/** A runtime for tests: its plugins are recorded, its cache is real. */
import { join } from 'node:path'
import { AttachmentCache } from '../../lib/libcni/attachment-cache.ts'
import { parseConfList } from '../../lib/libcni/conf-list.ts'
import type { Runtime } from '../../lib/libcni/runtime.ts'
import { cacheFile, result } from './libcni.ts'
import { type Behaviour, RecordingInvoker } from './recording-invoker.ts'
import { contextOf } from './request.ts'

/** A list of the plugins `a`, `b` and `c`. */
export function listOf(cniVersion: string, keys: object = {}) {
  const plugins = [{ type: 'a' }, { type: 'b', name: 'own' }, { type: 'c' }]
  return parseConfList(JSON.stringify({ name: 'cbr0', cniVersion, plugins, ...keys }))
}

/** A runtime with recording plugins and a cache of its own; `file` is the golden attachment's. */
export function setUp(t: { testdir(): string }, behaviour: Behaviour = {}) {
  const folder = t.testdir()
  const invoker = new RecordingInvoker({ result: result, ...behaviour })
  const { log, warnings } = contextOf()
  const cache = new AttachmentCache(folder)
  const env = { HOME: '/root', CNI_COMMAND: 'x', CNI_IFNAME: 'x' }
  const runtime: Runtime = { invoker, cache, env, path: '/bin1:/bin2', log }
  return { runtime, invoker, warnings, file: join(folder, 'results', cacheFile) }
}
