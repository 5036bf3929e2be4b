/** Observations as trees of named values, and where two of them differ. */

export type Value = string | number | boolean | null
export type Tree = Value | Branch
export interface Branch {
  readonly [key: string]: Tree
}

/** Where two trees differ. */
export interface Difference {
  /** The keys that lead there, with blanks between. */
  readonly field: string
  /** What each has there: a value on one line, or `present` and `absent` for a whole branch. */
  readonly go: string
  readonly ours: string
}

/** Any JSON value as a tree: the items of an array are named by their indexes, and nothing is text. */
export function toTree(value: unknown): Tree {
  if (typeof value !== 'object' || value === null) return value as Value // of JSON
  if (Object.keys(value).length === 0) return Array.isArray(value) ? '[]' : '{}'
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toTree(item)]))
}

/** The tree with every key and text as `rename` has it. */
export function renameTree(tree: Tree, rename: (text: string) => string): Tree {
  if (typeof tree === 'string') return rename(tree)
  if (!isBranch(tree)) return tree
  return Object.fromEntries(
    Object.entries(tree).map(([key, item]) => [rename(key), renameTree(item, rename)]),
  )
}

/** Everything that differs. A branch that only one of them has is one difference. */
export function compareTrees(go: Tree | undefined, ours: Tree | undefined, at = ''): Difference[] {
  if (isBranch(go) && isBranch(ours)) {
    const keys = new Set([...Object.keys(go), ...Object.keys(ours)])
    return [...keys].flatMap((key) =>
      compareTrees(go[key], ours[key], at === '' ? key : `${at} ${key}`),
    )
  }
  const [left, right] = [describe(go), describe(ours)]
  return left === right ? [] : [{ field: at, go: left, ours: right }]
}

/** Whether it has named values, and is none itself. */
export function isBranch(tree: Tree | undefined): tree is Branch {
  return typeof tree === 'object' && tree !== null
}

function describe(tree: Tree | undefined): string {
  if (tree === undefined) return 'absent'
  return isBranch(tree) ? 'present' : onOneLine(String(tree))
}

/** The text with its line breaks as they are written in a string. */
export function onOneLine(text: string): string {
  return text.replaceAll('\n', '\\n')
}
