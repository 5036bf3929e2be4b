/** What the resident servers of a test run have said, each when it stopped. */
import { existsSync, readFileSync } from 'node:fs'

/** A sentence about the calls that went through servers, and whether there were any. */
export function readResidentLog(path: string): { readonly text: string; readonly isGood: boolean } {
  const said = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const counts = [...said.matchAll(/stopped: (\d+) calls served, (\d+) declined, (\d+) lost/g)]
  const [served, declined, lost] = [1, 2, 3].map((part) =>
    counts.reduce((sum, match) => sum + Number(match[part]), 0),
  ) as [number, number, number] // as many as there were parts
  const text = `${served} calls were served by ${counts.length} resident servers, ${declined} declined, ${lost} lost`
  return { text, isGood: served > 0 && lost === 0 }
}
