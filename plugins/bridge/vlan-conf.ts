/** The VLAN keys of the configuration: pure. */
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { RawVlanTrunk } from './conf-schema.ts'

const maxId = 4094

/** What a port's VLANs are configured by. */
export interface VlanConf {
  /** 1 to 4094; undefined for none. */
  readonly vlan: number | undefined
  /** Tagged VLANs in ascending order; undefined when the port is no trunk. */
  readonly vlanTrunk: readonly number[] | undefined
  readonly preserveDefaultVlan: boolean
}

/** Whether the configuration needs a bridge that filters VLANs. */
export function hasVlans({ vlan, vlanTrunk }: VlanConf): boolean {
  return vlan !== undefined || vlanTrunk !== undefined
}

/** The VLAN of the port, undefined for 0; throws a `CniError` with code 7 outside 0 to 4094. */
export function checkVlan(id: number): number | undefined {
  if (id < 0 || id > maxId) {
    throw invalid(`invalid VLAN ID ${id} (must be between 0 and ${maxId})`, 'vlan')
  }
  return id === 0 ? undefined : id
}

/**
 * The VLANs of a trunk in ascending order, each once; undefined when there are none. Throws a
 * `CniError` with code 7 that names the entry.
 */
export function parseTrunk(trunk: readonly RawVlanTrunk[]): number[] | undefined {
  const ids = new Set(trunk.flatMap((entry, index) => trunkIds(entry, `vlanTrunk.${index}`)))
  return ids.size === 0 ? undefined : [...ids].sort((a, b) => a - b)
}

function trunkIds({ id, minID, maxID }: RawVlanTrunk, path: string): number[] {
  const ids: number[] = []
  const missing = 'minID and maxID should be configured simultaneously'
  if (minID !== undefined && maxID === undefined)
    throw invalid(`${missing}, maxID is missing`, path)
  if (minID === undefined && maxID !== undefined)
    throw invalid(`${missing}, minID is missing`, path)
  if (minID !== undefined && maxID !== undefined) {
    checkId(minID, 'minID', path)
    checkId(maxID, 'maxID', path)
    if (minID > maxID) throw invalid('minID is greater than maxID in trunk parameter', path)
    for (let each = minID; each <= maxID; each++) ids.push(each)
  }
  if (id !== undefined) {
    checkId(id, 'id', path)
    ids.push(id)
  }
  return ids
}

function checkId(id: number, name: string, path: string): void {
  if (id >= 1 && id <= maxId) return
  throw invalid(`incorrect trunk ${name} parameter`, `${path}.${name} is ${id}`)
}

function invalid(message: string, path: string): CniError {
  const details = `at ${path} in the network configuration; VLAN IDs are 1 to ${maxId}`
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}
