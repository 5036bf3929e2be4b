/** What a plugin writes at level `trace`. */

/** A line for a stage. */
export interface TraceLine {
  readonly name: string
  /** In how many others it is. */
  readonly depth: number
  readonly beginMs: number
  readonly tookMs: number
}

const pattern = /^\w[\w-]*: \w+ .*?: at +(\d+\.\d\d) ms took +(\d+\.\d\d) ms: ( *)(.*)$/

/** The stages among the lines of a call's stderr. */
export function traceLines(stderr: string): TraceLine[] {
  return stderr.split('\n').flatMap((line) => {
    const [, begin, took, indent = '', name] = pattern.exec(line) ?? []
    if (name === undefined) return []
    return [{ name, depth: indent.length / 2, beginMs: Number(begin), tookMs: Number(took) }]
  })
}
