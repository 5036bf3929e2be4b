/** Many pods one after the other through one server, and what memory it has meanwhile. */
import type { Caller } from './caller.ts'
import { addAndDelCalls, type Pod } from './calls.ts'
import type { Contestant } from './contestants.ts'
import { base } from './scenario.ts'
import type { Memory } from './server.ts'
import { Site } from './site.ts'

/** The memory of a server after so many pods. */
export interface MemoryAfter extends Memory {
  readonly contestant: string
  readonly pods: number
}

/** How often memory is looked at. */
const looks = 10

/** Attaches and detaches so many pods at least, as many of them at a time as there are sandboxes. */
export async function measureEndurance(
  caller: Caller,
  contestant: Contestant,
  sandboxes: readonly Pod[],
  pods: number,
): Promise<MemoryAfter[]> {
  await using scope = new AsyncDisposableStack()
  const [first] = sandboxes
  if (first === undefined) return []
  const site = await Site.make(caller, contestant, base, first, scope)
  const after = (done: number) => {
    if (site.server === undefined) throw new Error(`${contestant.name} has no server`)
    return { contestant: contestant.name, pods: done, ...site.server.memory() }
  }
  const found = [after(0)]
  const times = Math.ceil(pods / looks / sandboxes.length)
  // One job for each sandbox, which attaches and detaches it again and again.
  const jobs = sandboxes.map((pod) =>
    Array.from({ length: times }, () => addAndDelCalls(site.settings, pod)).flat(),
  )
  for (let look = 1; look <= looks; look++) {
    await site.call(jobs, sandboxes.length)
    found.push(after(times * sandboxes.length * look))
  }
  return found
}
