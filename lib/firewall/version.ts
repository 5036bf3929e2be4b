/** The versions of programs. */

/** Whether the version that a program prints, with a `v` before it, is this one or newer. */
export function isSince(output: string, oldest: readonly [number, number, number]): boolean {
  const [, ...parts] = /v(\d+)\.(\d+)(?:\.(\d+))?/.exec(output) ?? []
  const found = parts.map((part) => Number(part ?? 0))
  if (found.length === 0) return false
  const index = oldest.findIndex((part, i) => found[i] !== part)
  return index < 0 || (found[index] ?? 0) > (oldest[index] ?? 0)
}
