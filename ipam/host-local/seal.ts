/**
 * The seal of a folder: a date that says that nobody has made or removed an entry since the call
 * that sealed it. Any such change, by whatever program, makes the kernel date the folder anew.
 */
import { statSync, utimesSync } from 'node:fs'

/** 2001-09-09T01:46:40Z in seconds since the epoch: no clock that a change could take it from. */
const sealDate = 1_000_000_000

/** Whether nothing in the folder came or went since it was sealed. Throws Node's system errors. */
export function isSealed(folder: string): boolean {
  return statSync(folder).mtimeMs === sealDate * 1000
}

/** Seals the folder; the caller must be alone in it. Throws Node's system errors. */
export function seal(folder: string): void {
  utimesSync(folder, sealDate, sealDate)
}
