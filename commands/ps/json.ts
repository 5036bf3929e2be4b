/** The JSON of `cni ps`, which programs read: keys are added, and none changes its meaning. */
import { encodeJson } from '../../lib/base/json.ts'
import { podOf } from '../node/pod.ts'
import { addressesOf, hostPortsOf, type Row } from './row.ts'

/** A list with an object for each attachment; what is not known is null, or an empty list. */
export function formatJson(rows: readonly Row[]): string {
  const objects = rows.map((row) => {
    const { network, containerId, ifName, netns, port, since, problem } = row
    return {
      pod: podOf(row) ?? null,
      containerId,
      network,
      ifName,
      netns: netns === '' ? null : netns,
      hostVeth: port?.name ?? null,
      addresses: addressesOf(row),
      hostPorts: hostPortsOf(row),
      since: since === undefined ? null : new Date(since).toISOString(),
      healthy: problem === '',
      problem: problem === '' ? null : problem,
    }
  })
  return `${encodeJson(objects, 2)}\n`
}
