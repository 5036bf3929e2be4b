/** The container's interface: its kernel parameters, addresses and routes. */
import { errorText } from '../../lib/base/errors.ts'
import { CniError, ErrorCode, toCniError, withPrefix } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import type { IpConfig, Route } from '../../lib/cni/result.ts'
import { family, formatCidr, formatIp } from '../../lib/ip/ip.ts'
import { interfaceSysctl, readSysctl, writeSysctl } from '../../lib/linux/sysctl.ts'
import { addressAdd, addressList } from '../../lib/net/address.ts'
import { linkSet } from '../../lib/net/link.ts'
import { routeAdd } from '../../lib/net/route.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { type Addressing, firstGateway } from './addressing.ts'
import type { Attaching } from './attaching.ts'
import type { BridgeConf } from './conf.ts'
import { trySysctl } from './try-sysctl.ts'
import type { ContainerLink } from './veth.ts'

/** How long duplicate address detection may take, in milliseconds, and how often to look. */
const settleTimeoutMs = 5000
const settlePollMs = 20

/**
 * Gives the container's interface its addresses, sets it up and adds the routes. Throws when the
 * kernel refuses one of them.
 */
export function configureSandbox(
  { conf, context, places: { netns, sandbox } }: Attaching,
  link: ContainerLink,
  { ips, routes }: Addressing,
): void {
  const hasIpv6 = ips.some(({ address }) => family(address.ip) === 6)
  netns.run(() => {
    setParameters(link.name, conf, context)
    if (hasIpv6) enableIpv6(link.name, context)
  })
  for (const { address } of ips) {
    withPrefix(`failed to add IP addr ${formatCidr(address)} to "${link.name}": `, () =>
      addressAdd(sandbox, link.index, {
        cidr: address,
        nodad: family(address.ip) === 6 && !conf.enableDad,
      }),
    )
  }
  withPrefix(`failed to set "${link.name}" UP: `, () => linkSet(sandbox, link.index, { up: true }))
  if (hasIpv6 && conf.enableDad) settle(sandbox, link, context)
  for (const route of routes) addRoute(sandbox, link, route, ips)
}

/** Duplicate address detection as configured, and an announcement of the address on link-up. */
function setParameters(name: string, { enableDad }: BridgeConf, { log }: Context): void {
  if (enableDad) {
    trySysctl(interfaceSysctl('ipv6', name, 'enhanced_dad'), '1', log)
    trySysctl(interfaceSysctl('ipv6', name, 'accept_dad'), '1', log)
  } else {
    trySysctl(interfaceSysctl('ipv6', name, 'accept_dad'), '0', log)
  }
  trySysctl(interfaceSysctl('ipv4', name, 'arp_notify'), '1', log)
}

/** Runtimes start sandboxes with IPv6 disabled; an interface with an IPv6 address needs it. */
function enableIpv6(name: string, { log }: Context): void {
  for (const each of ['lo', name]) {
    withPrefix(`failed to enable IPv6 for interface "${each}": `, () => enableIpv6Of(each))
  }
  const keep = interfaceSysctl('ipv6', name, 'keep_addr_on_down')
  withPrefix(`failed to set ${keep}: `, () => writeSysctl(keep, '1'))
  log.debug(`IPv6 is enabled on ${name}`)
}

function enableIpv6Of(name: string): void {
  const parameter = interfaceSysctl('ipv6', name, 'disable_ipv6')
  try {
    if (readSysctl(parameter) !== '0') writeSysctl(parameter, '0')
  } catch (error) {
    throw new CniError(
      ErrorCode.internal,
      errorText(error),
      'the network gives IPv6 addresses, but IPv6 cannot be enabled here: enable it on the node ' +
        '(no ipv6.disable=1 on the kernel command line), or remove the IPv6 subnet',
      { cause: error },
    )
  }
}

/** Waits for duplicate address detection of all IPv6 addresses. */
function settle(sandbox: Connection, link: ContainerLink, { now, sleep }: Context): void {
  const deadline = now() + settleTimeoutMs
  const prefix = `failed to settle addresses for "${link.name}": `
  for (;;) {
    const addresses = addressList(sandbox, link.index, 6)
    const failed = addresses.find(({ dadFailed }) => dadFailed)
    if (failed !== undefined) {
      throw new CniError(
        ErrorCode.internal,
        `${prefix}link ${link.name} has address ${formatIp(failed.cidr.ip)} in DADFAILED state`,
        'another machine on this network has the address already',
      )
    }
    if (!addresses.some(({ tentative }) => tentative)) return
    if (now() >= deadline) {
      throw new CniError(
        ErrorCode.internal,
        `${prefix}link ${link.name} still has tentative addresses after 5 seconds`,
        'duplicate address detection did not end; without "enabledad" it is not waited for',
      )
    }
    sleep(settlePollMs)
  }
}

function addRoute(
  sandbox: Connection,
  link: ContainerLink,
  route: Route,
  ips: readonly IpConfig[],
): void {
  if (route.dst === undefined) throw noDestination()
  const gateway = route.gw ?? firstGateway(ips, family(route.dst.ip))
  const { dst, mtu, advmss, priority, table, scope } = route
  try {
    routeAdd(sandbox, {
      dst,
      gateway,
      linkIndex: link.index,
      mtu,
      advmss,
      priority,
      table,
      scope,
    })
  } catch (error) {
    const via = gateway === undefined ? '' : ` via ${formatIp(gateway)}`
    const { code, message, details } = toCniError(error)
    throw new CniError(
      code,
      `failed to add route '${formatCidr(dst)}${via} dev ${link.name}': ${message}`,
      details,
      { cause: error },
    )
  }
}

function noDestination(): CniError {
  return new CniError(
    ErrorCode.invalidNetworkConfig,
    'failed to add route: it has no destination',
    'every route of "ipam.routes" needs a "dst" such as "10.96.0.0/12"',
  )
}
