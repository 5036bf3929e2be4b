/** What plugins reply, and where two replies differ. */
import type { Outcome } from '../../scripts/lab/run.ts'
import {
  type Branch,
  compareTrees,
  type Difference,
  onOneLine,
  renameTree,
  toTree,
  type Tree,
} from './tree.ts'

export interface Reply {
  /** What it is: a result, an error, another text, nothing, or an end that is not in the protocol. */
  readonly kind: string
  /** The same with the error's code and message, for a reply of another kind to be set against. */
  readonly summary: string
  readonly content: Tree
}

/** Reads what a plugin's process printed. */
export function replyOf({ code, stdout }: Pick<Outcome, 'code' | 'stdout'>): Reply {
  const value = parse(stdout)
  if (value !== undefined && 'code' in value && code === 1) {
    const { msg = '' } = value as { msg?: string } // a CNI error
    const content = { error: toTree(value) }
    return { kind: 'error', summary: `error ${value.code}: ${onOneLine(msg)}`, content }
  }
  const kind = code !== 0 ? `exit status ${code}` : kindOf(stdout, value)
  if (value === undefined) return { kind, summary: kind, content: { stdout } }
  return { kind, summary: kind, content: { result: toTree(value), ...layoutOf(stdout) } }
}

/** The reply with every text as `rename` has it. */
export function renameReply({ kind, summary, content }: Reply, rename: (text: string) => string) {
  return { kind, summary: rename(summary), content: renameTree(content, rename) }
}

/** What differs: that one is not what the other is, or else what is in them. */
export function compareReplies(go: Reply, ours: Reply): Difference[] {
  if (go.kind !== ours.kind) return [{ field: 'reply', go: go.summary, ours: ours.summary }]
  const found = compareTrees(go.content, ours.content)
  // Keys are out of order, too, where one is missing.
  return found.some(({ field }) => field.startsWith('result '))
    ? found.filter(({ field }) => field !== 'keys')
    : found
}

function parse(text: string): object | undefined {
  try {
    return JSON.parse(text) as object // plugins print objects only
  } catch {
    return undefined // compared as text
  }
}

function kindOf(stdout: string, value: object | undefined): string {
  if (stdout === '') return 'nothing'
  return value === undefined ? 'text' : 'result'
}

/** How a result is written: indentation and end, and the keys in their order, each once. */
function layoutOf(text: string): Branch {
  const keys = new Set(Array.from(text.matchAll(/"(\w+)":/g), ([, key]) => key))
  const indentation = /\n( *)/.exec(text)?.[1]?.length ?? 0
  return {
    layout: `${indentation} blanks, ${text.endsWith('\n') ? 'newline at the end' : 'no newline'}`,
    keys: [...keys].join(' '),
  }
}
