/** The loopback plugin: sets `lo` of the sandbox up. The shortest plugin, and the one to read first. */
import { hasCode } from '../../lib/base/errors.ts'
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import { parsePrevResult } from '../../lib/cni/prev-result.ts'
import type { IpConfig, Result } from '../../lib/cni/result.ts'
import { type Cidr, contains, family, formatCidr, formatIp, parseCidr } from '../../lib/ip/ip.ts'
import { Netns } from '../../lib/linux/netns.ts'
import { addressList } from '../../lib/net/address.ts'
import { type Link, linkByName, linkSet } from '../../lib/net/link.ts'
import { Connection } from '../../lib/netlink/connection.ts'

export const loopback: Plugin = { name: 'loopback', add, del, check }

// RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.3
const loopbackNetworks = ['127.0.0.0/8', '::1/128']

function add(request: Request): Result {
  const prevResult = readPrevResult(request)
  using netns = Netns.open(request.netns)
  using sandbox = Connection.openIn(netns)
  const lo = findLoopback(sandbox)
  checkLoopbackOnly(addressesOf(sandbox, lo)) // before anything is changed
  linkSet(sandbox, lo.index, { up: true })
  return prevResult ?? describe(request, addressesOf(sandbox, lo))
}

function del({ netns: path }: Request, { log }: Context): void {
  if (path === '') return
  try {
    using netns = Netns.open(path)
    using sandbox = Connection.openIn(netns)
    linkSet(sandbox, findLoopback(sandbox).index, { up: false })
  } catch (error) {
    // lo is gone with its sandbox: no path, or a file that is no namespace any more
    if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ENOTNS')) throw error
    log.debug(`${path} is gone`)
  }
}

function check(request: Request): void {
  readPrevResult(request)
  using netns = Netns.open(request.netns)
  using sandbox = Connection.openIn(netns)
  if (!findLoopback(sandbox).up) {
    throw new CniError(
      ErrorCode.internal,
      'loopback interface is down',
      `set it up: nsenter --net=${request.netns} ip link set lo up`,
    )
  }
}

/** The result of the chain so far; loopback adds nothing to it. */
function readPrevResult({ conf }: Request): Result | undefined {
  return withPrefix('failed to parse prevResult: ', () => parsePrevResult(conf))
}

function findLoopback(sandbox: Connection): Link {
  const lo = linkByName(sandbox, 'lo')
  if (lo === undefined) throw new CniError(ErrorCode.internal, 'the sandbox has no interface lo')
  return lo
}

function addressesOf(sandbox: Connection, lo: Link): Cidr[] {
  return addressList(sandbox, lo.index).map(({ cidr }) => cidr)
}

function checkLoopbackOnly(addresses: readonly Cidr[]): void {
  const networks = loopbackNetworks.flatMap((text) => parseCidr(text) ?? [])
  const other = addresses.find(({ ip }) => !networks.some((network) => contains(network, ip)))
  if (other === undefined) return
  throw new CniError(
    ErrorCode.internal,
    `loopback interface found with non-loopback address "${formatIp(other.ip)}"`,
    `remove ${formatCidr(other)} from lo of the sandbox: a pod has it on an interface of its own`,
  )
}

function describe({ netns }: Request, addresses: readonly Cidr[]): Result {
  return {
    interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: netns }],
    ips: ([4, 6] as const).flatMap((of) => firstOf(addresses, of)),
    routes: [],
    dns: {},
  }
}

/** A result has one address of each family. */
function firstOf(addresses: readonly Cidr[], of: 4 | 6): IpConfig[] {
  const address = addresses.find(({ ip }) => family(ip) === of)
  return address === undefined ? [] : [{ address, interface: 0 }]
}
