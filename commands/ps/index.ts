/** `cni ps`: the attachments of this node, and how they are. */
import { defaultDataDir } from '../../ipam/host-local/conf.ts'
import { errorText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import type { AttachmentCache } from '../../lib/libcni/attachment-cache.ts'
import { readConfFiles } from '../../lib/libcni/conf-dir.ts'
import type { NetworkConfigList } from '../../lib/libcni/conf-list.ts'
import { interfaceName } from '../../plugins/loopback/footprint.ts'
import { problemOf } from '../node/health.ts'
import { callsOf } from '../node/plugin-calls.ts'
import { shortage, usagesOf } from '../node/pools.ts'
import { networksDirsOf } from '../node/reservations.ts'
import { inspectSandbox } from '../node/sandbox-state.ts'
import { type Attempt, surveyNode } from '../node/survey.ts'
import { formatJson } from './json.ts'
import { formatTable } from './table.ts'

/** Where to look. */
export interface PsPlaces {
  readonly cache: AttachmentCache
  readonly confDir: string
  readonly log: Log
}

/**
 * The attachments that runtimes keep, that host-local has addresses for, or whose interface is in
 * this network namespace. A source that cannot be read is logged, and does without; so is a pool
 * of addresses that is nearly full. `now` is in milliseconds since the epoch.
 */
export function ps(places: PsPlaces, format: 'table' | 'json', now: number): string {
  const { attachments, stores } = survey(places)
  const rows = attachments
    .filter(({ ifName }) => ifName !== interfaceName) // runtimes attach every pod's loopback too
    .map((attachment) => {
      const problem = problemOf(attachment, inspectSandbox(attachment), stores)
      return { ...attachment, problem }
    })
  return { table: formatTable, json: formatJson }[format](rows, now)
}

function survey({ cache, confDir, log }: PsPlaces) {
  const attempt = <T>(what: string, read: () => T[]): T[] => {
    try {
      return read()
    } catch (error) {
      log.warn(`going on without ${what}: ${errorText(error)}`)
      return []
    }
  }
  const files = attempt('the network configurations', () => readConfFiles(confDir, log))
  const lists = files.map(({ list }) => list)
  for (const text of shortages(lists, attempt, log)) log.warn(text)
  const networksDirs = [...new Set([defaultDataDir, ...networksDirsOf(lists.flatMap(callsOf))])]
  return surveyNode({ cache, networksDirs, log }, attempt)
}

/** A line for each pool that is full, or nearly so. */
function shortages(lists: readonly NetworkConfigList[], attempt: Attempt, log: Log): Set<string> {
  const lines = lists.flatMap((list) =>
    attempt(`the pools of network ${JSON.stringify(list.name)}`, () =>
      usagesOf(list, log).flatMap((usage) => shortage(list.name, usage) ?? []),
    ),
  )
  return new Set(lines)
}
