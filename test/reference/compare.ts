/** Runs a case with both implementations, and finds where they differ. */
import { binDir } from '../../scripts/lab/executables.ts'
import type { Case, Step } from './case.ts'
import { goDir } from './go-plugins.ts'
import { recordedGo, seeOurs } from './recorded.ts'
import { compareReplies } from './reply.ts'
import { runCase, type Sight } from './run-case.ts'
import { compareTrees, type Difference } from './tree.ts'

export interface Found extends Difference {
  /** What has just been done, with its number. */
  readonly after: string
}

/**
 * Everything that differs after any step. An ADD that only one of them refuses is the last one:
 * behind it there is nothing alike to compare.
 */
export async function compare(testCase: Case): Promise<Found[]> {
  const [go, ours] = await Promise.all(
    testCase.plugin === 'flannel'
      ? [recordedGo(testCase), seeOurs(testCase)]
      : [runCase(forGo(testCase), goDir), runCase(testCase, binDir())],
  )
  const found: Found[] = []
  for (const [index, step] of testCase.steps.entries()) {
    const [left, right] = [go[index], ours[index]]
    if (left === undefined || right === undefined) throw new Error(`no step ${index + 1}`)
    const title = 'shell' in step ? step.shell : step.command
    const replies = differentReplies(left, right)
    const parted = title === 'ADD' && replies.some(({ field }) => field === 'reply')
    const states = parted ? [] : compareTrees(left.state, right.state)
    found.push(
      ...[...replies, ...states].map((each) => ({ after: `${index + 1} ${title}`, ...each })),
    )
    if (parted) break
  }
  return found
}

function differentReplies({ reply: go }: Sight, { reply: ours }: Sight): Difference[] {
  return go === undefined || ours === undefined ? [] : compareReplies(go, ours)
}

/** The case with the keys that the Go plugins get instead. */
function forGo(testCase: Case): Case {
  const { conf, goConf = {}, steps } = testCase
  const replaced = (step: Step) =>
    'shell' in step ? step : { ...step, conf: { ...step.conf, ...goConf } }
  return { ...testCase, conf: { ...conf, ...goConf }, steps: steps.map(replaced) }
}
