import t from 'tap'
import { chooseExternalInterface } from '../../../flanneld/external-interface/choose.ts'
import { observe } from '../../../flanneld/external-interface/observe.ts'
import { parseOptions } from '../../../flanneld/options.ts'
import { formatIp } from '../../../lib/ip/ip.ts'
import { kernelSkip, makeNode, type Scope } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { ip } from '../../support/address.ts'
import { connect } from '../../support/connect.ts'
import { ipJson, link } from '../../support/ip.ts'

const options = { skip: kernelSkip() }

/** A node with eth0 and eth1, each with an address of both families. */
function makeDualNode(scope: Scope) {
  const node = makeNode(scope)
  const run = (line: string) => runSync(['ip', '-n', node.name, ...line.split(' ')])
  for (const [name, number] of [
    ['eth0', '0'],
    ['eth1', '1'],
  ]) {
    run(`link add ${name} type veth peer peer${number}`)
    run(`link set peer${number} up`)
    run(`link set ${name} up mtu 140${number}`)
    run(`address add 192.0.${number}.11/24 dev ${name}`)
    run(`address add 2001:db8:${number}::11/64 dev ${name} nodad`)
  }
  return { node, run, connection: connect(scope, node) }
}

t.test('the interface of the default route', options, async (t) => {
  const { node, run, connection } = makeDualNode(t)
  run('route add default via 192.0.0.1 dev eth0 metric 200')
  run('route add default via 192.0.1.1 dev eth1 metric 100')
  run('-6 route add default via 2001:db8:0::1 dev eth0 metric 2000')
  run('-6 route add default via 2001:db8:1::1 dev eth1')
  run('-6 route add unreachable default metric 5')
  run('route add blackhole default metric 5')
  const quiet = { info: () => {}, warn: () => {} }
  const choose = () =>
    chooseExternalInterface(observe(connection), [4, 6], parseOptions([], {}, t.fail), quiet)
  const chosen = choose()
  const [way] = ipJson<{ dev: string }>(node, 'route', 'show', 'default', 'metric', '100')
  t.equal(chosen.name, way?.dev)
  t.equal(chosen.linkIndex, link(node, 'eth1')?.ifindex)
  t.equal(chosen.mtu, 1401)
  t.equal(chosen.ipv4 && formatIp(chosen.ipv4), '192.0.1.11')
  t.equal(chosen.ipv6 && formatIp(chosen.ipv6), '2001:db8:1::11')
  run('route del default dev eth1')
  t.throws(choose, /IPv4 leads over eth0, that of IPv6 over eth1$/)
})

t.test('the way to an address', options, async (t) => {
  const { node, run, connection } = makeDualNode(t)
  const reach = (text: string) => observe(connection, ip(text)).reach
  t.equal(reach('203.0.113.1'), undefined)
  run('route add unreachable 203.0.113.1')
  t.equal(reach('203.0.113.1'), undefined)
  run('route add 203.0.113.2 via 192.0.1.1')
  const [shown] = ipJson(node, 'route', 'get', '203.0.113.2')
  t.match(shown, { dev: 'eth1', prefsrc: '192.0.1.11' })
  const source = ip('192.0.1.11')
  t.strictSame(reach('203.0.113.2'), { linkIndex: link(node, 'eth1')?.ifindex, source })
  t.strictSame(reach('192.0.1.11'), { linkIndex: 1, source })
})

t.test('links with their addresses', options, async (t) => {
  const { connection } = makeDualNode(t)
  const { links } = observe(connection)
  const [lo] = links
  t.strictSame(
    lo?.addresses.map(({ cidr }) => formatIp(cidr.ip)),
    ['127.0.0.1', '::1'],
  )
  const indexes = links.map(({ index }) => index)
  t.strictSame(
    indexes,
    indexes.toSorted((a, b) => a - b),
  )
})
