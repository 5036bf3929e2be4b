/** One thing that is removed. */
export interface Removal {
  /** What it is, for the list. */
  readonly what: string
  /** Removes it; one that is gone is fine. */
  remove(): void
}

/** Says something to the person, a line at a time. */
export type Say = (line: string) => void
