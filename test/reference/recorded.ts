/** What Go's flannel did in the cases of flannel, as record-flannel.ts has written it down. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { binDir } from '../../scripts/lab/executables.ts'
import type { Case } from './case.ts'
import { runFlannel, type Seen } from './flannel-run.ts'
import { replyOf } from './reply.ts'
import type { Sight } from './run-case.ts'
import { toTree } from './tree.ts'

/** The file of what was seen, by the names of cases: one line for each step. */
export const recordFile = join(import.meta.dirname, 'flannel-go.json')

type Record = Readonly<{ [name: string]: readonly Seen[] }>

let record: Record | undefined

/** What was seen of Go's in each step of a case. Throws when the case was not recorded. */
export function recordedGo({ name }: Case): Sight[] {
  record ??= JSON.parse(readFileSync(recordFile, 'utf8')) as Record // it wrote that
  const seen = record[name]
  if (seen === undefined) throw new Error(`${recordFile} has no case ${name}: record it anew`)
  return seen.map(toSight)
}

/** What is seen of ours. */
export async function seeOurs(testCase: Case): Promise<Sight[]> {
  return (await runFlannel(testCase, join(binDir(), 'flannel'))).map(toSight)
}

function toSight({ code = 0, stdout = '', calls = [], saved = {} }: Seen): Sight {
  const reply = replyOf({ code, stdout })
  return { reply, state: { call: toTree(calls), saved: toTree(saved) } }
}
