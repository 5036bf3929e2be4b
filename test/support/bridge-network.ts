/** Networks of the bridge plugin on the node of a test. */
import { binDir } from '../../scripts/lab/executables.ts'
import type { Node } from '../../scripts/lab/node.ts'
import { inside, runSync } from '../../scripts/lab/run.ts'
import { type Link, links } from './ip.ts'
import { fakeIpamDir } from './ipam.ts'
import { type Network, networkOf } from './network.ts'
import { callPlugin } from './plugin-call.ts'

/** The network `net1` on a node, with a configuration of these keys. */
export function makeNetwork(node: Node, conf: object = {}): Network {
  return networkOf((command, pod, keys = {}, rest = {}) =>
    callPlugin(node, 'bridge', {
      command,
      containerId: pod.containerId,
      netns: pod.netns,
      ifName: 'eth0',
      path: `${binDir()}:${fakeIpamDir(node)}`,
      conf: { cniVersion: '1.1.0', name: 'net1', type: 'bridge', ...conf, ...keys },
      ...rest,
    }),
  )
}

/** The host's ends of a node's pods. */
export function veths(node: Node): Link[] {
  return links(node).filter(({ linkinfo }) => linkinfo?.info_kind === 'veth')
}

/**
 * All that iproute2 shows of a bridge, and whether it accepts router advertisements. Timers run on,
 * and some of what follows the ports of a bridge the kernel does not put back when the only one goes.
 */
export function foundState(node: Node, name: string): unknown[] {
  const text = runSync(inside(node.netns, ['ip', '-j', '-d', 'link', 'show', 'dev', name]))
    .replaceAll(/"(?:[a-z_]+_timer|tso_max_size|operstate)":[^,]+,/g, '')
    .replaceAll(/"(?:NO-CARRIER|LOWER_UP)",?/g, '')
    .replaceAll(',]', ']')
  const acceptRa = `/proc/sys/net/ipv6/conf/${name}/accept_ra`
  return [JSON.parse(text), runSync(inside(node.netns, ['cat', acceptRa]))]
}
