/** The host's end of the attachment: a port of the bridge. */
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { interfaceSysctl } from '../../lib/linux/sysctl.ts'
import { portSet } from '../../lib/net/bridge-port.ts'
import { type Link, linkByIndex } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { Attaching } from './attaching.ts'
import { trySysctl } from './try-sysctl.ts'
import { configureVlans } from './vlan.ts'

/** How long the port may take to work once both ends are up, in milliseconds. */
const timeoutMs = 2500

/** Sets what the configuration asks of the port, which has just been made. */
export function preparePort({ conf, context, places: { host } }: Attaching, port: Link): void {
  trySysctl(interfaceSysctl('ipv6', port.name, 'accept_ra'), '0', context.log)
  // A new port has neither.
  if (conf.hairpinMode) {
    withPrefix(`failed to setup hairpin mode for ${port.name}: `, () =>
      portSet(host, port.index, { hairpin: true }),
    )
  }
  if (conf.portIsolation) {
    withPrefix(`failed to set isolated on for ${port.name}: `, () =>
      portSet(host, port.index, { isolated: true }),
    )
  }
  configureVlans(host, port, conf)
}

/** Waits until the port works: the kernel says so shortly after both ends are up. */
export function waitForPort(host: Connection, port: Link, { now, sleep }: Context): void {
  const deadline = now() + timeoutMs
  for (let delay = 1; ; delay = Math.min(2 * delay, 100)) {
    const state = linkByIndex(host, port.index)?.operState ?? 'gone'
    if (state === 'up') return
    if (now() >= deadline) {
      throw new CniError(
        ErrorCode.internal,
        `bridge port in error state: ${state}`,
        `${port.name} did not come up within ${timeoutMs / 1000} s of its other end: the kernel's log ` +
          '(dmesg) may say why',
      )
    }
    sleep(delay)
  }
}
