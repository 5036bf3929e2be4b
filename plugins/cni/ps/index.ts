/** `cni ps`: the attachments of this node, and how they are. */
import { readConfFiles } from '../../../lib/cni/conf-dir.ts'
import { errorText } from '../../../lib/cni/errors.ts'
import { isObject } from '../../../lib/cni/json.ts'
import type { AttachmentCache } from '../../../lib/cni/attachment-cache.ts'
import type { Log } from '../../../lib/cni/plugin.ts'
import { problemOf } from '../node/health.ts'
import { inspectSandbox } from '../node/sandbox-state.ts'
import { surveyNode } from '../node/survey.ts'
import { stateFolders } from '../settings.ts'
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
 * this network namespace. A source that cannot be read is logged, and does without. `now` is in
 * milliseconds since the epoch.
 */
export function ps(places: PsPlaces, format: 'table' | 'json', now: number): string {
  const { attachments, stores } = survey(places)
  const rows = attachments
    .filter(({ ifName }) => ifName !== 'lo') // runtimes attach every pod's loopback too
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
  const lists = attempt('the network configurations', () => readConfFiles(confDir, log))
  const configured = lists.flatMap(({ list }) => list.plugins.flatMap(({ conf }) => dataDir(conf)))
  const networksDirs = [...new Set([stateFolders.networks, ...configured])]
  return surveyNode({ cache, networksDirs, log }, attempt)
}

/** Where a configuration has host-local keep its reservations; flannel passes it on. */
function dataDir({ ipam }: Readonly<Record<string, unknown>>): string[] {
  const folder = isObject(ipam) ? ipam['dataDir'] : undefined
  return typeof folder === 'string' && folder !== '' ? [folder] : []
}
