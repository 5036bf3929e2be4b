/** Many pods one after the other through a server, and what memory it has meanwhile. */
import { addAndDelCalls } from './calls.ts'
import { base } from './scenario.ts'
import { makeSites, type Setting } from './site.ts'
import type { Row, Table } from './table.ts'

/** How often memory is looked at. */
const looks = 10

/** Attaches and detaches so many pods at least by each contestant, as many at a time as the setting has. */
export async function measureEndurance(setting: Setting, pods: number): Promise<Table> {
  await using scope = new AsyncDisposableStack()
  const workers = setting.pods.length
  const times = Math.ceil(pods / looks / workers)
  const rows: Row[] = []
  for (const site of await makeSites(setting, base, scope)) {
    // One job for each sandbox, which attaches and detaches it again and again.
    const jobs = setting.pods.map((pod) =>
      Array.from({ length: times }, () => addAndDelCalls(site.settings, pod)).flat(),
    )
    for (let look = 0; look <= looks; look++) {
      if (look > 0) await site.call(jobs, workers)
      const name = `${site.settings.contestant.name}, ${times * workers * look}`
      rows.push({ name, values: site.server?.memory() ?? {} })
    }
  }
  return {
    title: 'memory of a server after so many pods',
    how: `${workers} at a time`,
    rows,
    compared: ['resident MB'],
  }
}
