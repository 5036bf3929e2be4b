/** Tracked connections in a namespace, as conntrack(8) makes and shows them. */
import t from 'tap'
import { Netns } from '../../../lib/linux/netns.ts'
import { conntrackDelete, type ConntrackFilter } from '../../../lib/net/conntrack.ts'
import { Connection } from '../../../lib/netlink/connection.ts'
import { NETLINK_NETFILTER } from '../../../lib/netlink/netfilter.ts'
import { addNamespace, kernelSkip, type Namespace } from '../../../scripts/lab/node.ts'
import { inside, runSync } from '../../../scripts/lab/run.ts'
import { ip } from '../../support/address.ts'

function skip(): string | false {
  try {
    runSync(['which', 'conntrack'])
    return kernelSkip()
  } catch {
    return 'conntrack is not installed' // which(1) fails for no other reason
  }
}

/** Tracks connections from ten client ports to a port; `pod` answers. */
function insert({ netns }: Namespace, protocol: string, to: string, port: number, pod: string) {
  const client = to.includes(':') ? '2001:db8::2' : '192.0.2.2'
  const vtags = ['--orig-vtag', '1', '--reply-vtag', '2', '--state', 'ESTABLISHED']
  for (let source = 40000; source < 40010; source++) {
    const ports = ['--sport', `${source}`, '--dport', `${port}`, '--reply-port-src', `${port}`]
    runSync(
      inside(netns, [
        ...['conntrack', '-I', '-p', protocol, '-t', '100', '-s', client, '-d', to],
        ...['-r', pod, '-q', client, ...ports, '--reply-port-dst', `${source}`],
        ...(protocol === 'sctp' ? vtags : []),
      ]),
    )
  }
}

function count({ netns }: Namespace): number {
  const listed = ['ipv4', 'ipv6'].map((family) =>
    runSync(inside(netns, ['conntrack', '-L', '-f', family])),
  )
  return listed.join('').trim().split('\n').filter(Boolean).length
}

t.test('deletes what the filter says', { skip: skip() }, async (t) => {
  const namespace = addNamespace(t)
  using netns = Netns.open(namespace.netns)
  using connection = netns.run(() => ({ open: Connection.open(NETLINK_NETFILTER) })).open
  const remove = (destinations: ConntrackFilter['destinations'], keys: object = {}) =>
    conntrackDelete(connection, { family: 4, protocol: 17, destinations, ...keys })

  t.equal(remove([{ port: 53 }]), 0, 'there are none')
  insert(namespace, 'udp', '192.0.2.1', 53, '10.0.0.2')
  insert(namespace, 'udp', '192.0.2.9', 53, '10.0.0.3')
  insert(namespace, 'udp', '192.0.2.1', 54, '10.0.0.2')
  insert(namespace, 'sctp', '192.0.2.1', 53, '10.0.0.2')
  insert(namespace, 'udp', '2001:db8::1', 53, 'fd00::2')
  t.equal(count(namespace), 50)

  t.equal(remove([{ port: 53 }], { replySource: ip('10.0.0.4') }), 0)
  t.equal(remove([{ port: 53, ip: ip('192.0.2.7') }, { port: 55 }]), 0)
  t.equal(remove([]), 0)
  t.equal(remove([{ port: 53 }], { replySource: ip('10.0.0.3') }), 10)
  t.equal(remove([{ port: 53, ip: ip('192.0.2.1') }], { protocol: 132 }), 10)
  t.equal(remove([{ port: 53 }], { family: 6, replySource: ip('fd00::2') }), 10)
  t.equal(count(namespace), 20)
  t.equal(remove([{ port: 54 }, { port: 53, ip: ip('192.0.2.7') }]), 10)
  t.equal(remove([{ port: 54 }, { port: 53, ip: ip('192.0.2.1') }]), 10)
  t.equal(count(namespace), 0)
})
