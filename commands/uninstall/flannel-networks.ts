/** The networks that flannel makes, by what is configured and by what is saved. */
import { isObject } from '../../lib/base/json.ts'
import { CniError } from '../../lib/cni/errors.ts'
import { checkIfName, checkNetworkName } from '../../lib/cni/names.ts'
import { canonicalize } from '../../lib/cni/schema.ts'
import type { NetworkConfigList } from '../../lib/libcni/conf-list.ts'
import { stateFolders } from '../settings.ts'

/** What stands in a configuration of the flannel plugin, or of its delegate. */
const keys = {
  properties: {
    name: {},
    type: {},
    bridge: {},
    dataDir: {},
    delegate: { properties: { type: {}, bridge: {} } },
    ipam: { properties: { dataDir: {} } },
  },
}

export interface FlannelNetwork {
  readonly name: string
  /** Its bridge; undefined when flannel delegates to another plugin. */
  readonly bridge: string | undefined
  /** Where the delegate's configurations are saved. */
  readonly savedDir: string
  /** Where host-local's stores are. */
  readonly networksDir: string
  /** Where portmap's records are; undefined when the network has no host ports. */
  readonly portmapDir: string | undefined
}

/** The networks of a configuration list: one for each flannel plugin in it. */
export function networksOf(list: NetworkConfigList): FlannelNetwork[] {
  const portmap = list.plugins.find(({ type }) => type === 'portmap')
  const portmapDir = portmap && textOr(read(portmap.conf)['dataDir'], stateFolders.portmap)
  return list.plugins
    .filter(({ type }) => type === 'flannel')
    .flatMap(({ conf }) => {
      const { dataDir, delegate, ipam } = read(conf)
      const savedDir = textOr(dataDir, stateFolders.flannel)
      return describe(list.name, delegate, ipam, { savedDir, portmapDir })
    })
}

/** The network of a delegate's saved configuration; none when the text is something else. */
export function networkOfSaved(text: string, savedDir: string): FlannelNetwork[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return [] // an interrupted save, or no saved configuration at all
  }
  const conf = read(value)
  if (typeof conf['name'] !== 'string' || typeof conf['type'] !== 'string') return []
  const portmapDir = stateFolders.portmap // the list that had it is gone
  return describe(conf['name'], conf, conf['ipam'], { savedDir, portmapDir })
}

function describe(
  name: string,
  delegate: unknown,
  ipam: unknown,
  folders: Pick<FlannelNetwork, 'savedDir' | 'portmapDir'>,
): FlannelNetwork[] {
  if (!isAccepted(checkNetworkName, name)) return []
  const { type, bridge: device } = read(delegate)
  const bridge = textOr(device, 'cni0')
  const isBridge = textOr(type, 'bridge') === 'bridge' && isAccepted(checkIfName, bridge)
  const networksDir = textOr(read(ipam)['dataDir'], stateFolders.networks)
  return [{ name, bridge: isBridge ? bridge : undefined, networksDir, ...folders }]
}

function read(value: unknown): Readonly<Record<string, unknown>> {
  const canonical = canonicalize(keys, value)
  return isObject(canonical) ? canonical : {}
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback
}

/** Whether the name may become a file's or an interface's. */
function isAccepted(check: (name: string) => void, name: string): boolean {
  try {
    check(name)
    return true
  } catch (error) {
    if (error instanceof CniError) return false
    throw error
  }
}
