import { readdirSync } from 'node:fs'
import t from 'tap'
import { formatCidr, formatIp } from '../../../lib/ip/ip.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { type Change, decodeChange } from '../../../lib/net/change.ts'
import { groups, Subscription } from '../../../lib/netlink/subscription.ts'
import { addNamespace, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { vxlanSkip } from '../../support/cluster.ts'

const options = { skip: kernelSkip() || vxlanSkip() }

/** A namespace that is listened to, by these groups or by all. */
function makeNode(scope: Scope, ...chosen: number[]) {
  const namespace = addNamespace(scope)
  using netns = Netns.open(namespace.netns)
  const numbers = chosen.length > 0 ? chosen : Object.values(groups)
  const subscription = netns.run(() => Subscription.open(...numbers))
  scope.teardown(() => subscription[Symbol.dispose]())
  const ip = (words: string) => runSync(['ip', '-n', namespace.name, ...words.split(' ')])
  const bridge = (words: string) => runSync(['bridge', '-n', namespace.name, ...words.split(' ')])
  const heard = () => subscription.take().messages.flatMap(decodeChange).map(describe)
  return { namespace, subscription, ip, bridge, heard }
}

function describe(change: Change): string {
  const verb = change.isGone ? 'gone' : 'new'
  if ('link' in change) return `${verb} link ${change.link.name} ${change.link.up ? 'up' : 'down'}`
  if ('address' in change) return `${verb} address ${formatCidr(change.address.cidr)}`
  if ('route' in change) {
    const { dst, gateway, kind = 'other', table } = change.route
    const way = gateway === undefined ? '' : ` via ${formatIp(gateway)}`
    return `${verb} ${kind} ${formatCidr(dst)}${way} of ${table}`
  }
  const [what, message] = 'fdb' in change ? ['fdb', change.fdb] : ['neighbour', change.neighbour]
  const to = message.dst === undefined ? '' : ` ${formatIp(message.dst)}`
  return `${verb} ${what}${to} ${message.mac} ${message.state}`
}

t.test('what ip and bridge change is told, in order', options, async (t) => {
  const { ip, bridge, heard } = makeNode(t)
  const mac = '0e:00:00:00:00:02'
  ip('link add eth0 type bridge')
  t.strictSame(heard(), ['new link eth0 down'])
  ip('link set eth0 up')
  const up = heard()
  t.equal(up[0], 'new link eth0 up')
  const only = (what: string) => heard().filter((line) => line.includes(what))
  ip('address add 192.0.2.1/24 dev eth0')
  t.strictSame(only('192.0.2.'), [
    'new address 192.0.2.1/24',
    'new other 192.0.2.1/32 of 255',
    'new unicast 192.0.2.0/24 of 254',
    'new other 192.0.2.255/32 of 255',
  ])
  ip('address add 2001:db8::1/64 dev eth0 nodad')
  t.ok(only('2001:db8').includes('new address 2001:db8::1/64'))
  ip('-6 route add fd09::/64 via 2001:db8::9 table 100')
  ip('-6 route del fd09::/64 table 100')
  t.strictSame(only('fd09'), [
    'new unicast fd09::/64 via 2001:db8::9 of 100',
    'gone unicast fd09::/64 via 2001:db8::9 of 100',
  ])
  ip('route add 10.9.0.0/16 via 192.0.2.9')
  ip('route replace blackhole 10.9.0.0/16')
  ip('route del blackhole 10.9.0.0/16')
  t.strictSame(only('10.9.'), [
    'new unicast 10.9.0.0/16 via 192.0.2.9 of 254',
    'new blackhole 10.9.0.0/16 of 254',
    'gone blackhole 10.9.0.0/16 of 254',
  ])
  ip(`neigh add 192.0.2.7 lladdr ${mac} dev eth0 nud permanent`)
  ip('neigh change 192.0.2.7 dev eth0 nud stale')
  ip('neigh del 192.0.2.7 dev eth0')
  const [permanent, stale, ...rest] = only('192.0.2.7')
  t.equal(permanent, `new neighbour 192.0.2.7 ${mac} 128`)
  t.equal(stale, `new neighbour 192.0.2.7 ${mac} 4`)
  t.match(rest.at(-1), /^gone neighbour 192\.0\.2\.7 /)
  ip('link add vx type vxlan id 1 dstport 8472 dev eth0')
  heard()
  bridge(`fdb add ${mac} dev vx dst 192.0.2.2 self permanent`)
  bridge(`fdb replace ${mac} dev vx dst 192.0.2.3 self permanent`)
  bridge(`fdb del ${mac} dev vx dst 192.0.2.3 self`)
  t.strictSame(only(mac), [
    `new fdb 192.0.2.2 ${mac} 192`,
    `new fdb 192.0.2.3 ${mac} 192`,
    `gone fdb 192.0.2.3 ${mac} 192`,
  ])
  ip('link del vx')
  t.ok(heard().includes('gone link vx down'))
})

t.test('ports of a bridge are links once', options, async (t) => {
  const { ip, heard } = makeNode(t, groups.link)
  ip('link add br0 type bridge')
  ip('link add eth0 type veth peer wire')
  heard()
  ip('link set eth0 master br0')
  t.ok(heard().every((line) => line.startsWith('new link ')))
  ip('link del br0')
  t.strictSame(
    heard().filter((line) => line.startsWith('gone')),
    ['gone link br0 down'],
    'that a port leaves is no end of a link',
  )
})

t.test('nothing of other groups, and of other namespaces', options, async (t) => {
  const { ip, heard } = makeNode(t, groups.link)
  const other = makeNode(t)
  other.ip('link add eth0 type bridge')
  ip('link add eth1 type bridge')
  ip('address add 192.0.2.1/24 dev eth1')
  t.strictSame(heard(), ['new link eth1 down'])
  t.strictSame(other.heard(), ['new link eth0 down'])
  t.strictSame(heard(), [], 'once')
})

t.test('more than there is room for', options, async (t) => {
  const { namespace, subscription, ip } = makeNode(t)
  ip('link add eth0 type bridge')
  ip('link set eth0 up')
  const lines = Array.from({ length: 30_000 }, (_, index) => {
    return `route add 10.200.${index >> 8}.${index & 0xff}/32 dev eth0\n`
  })
  ip(`-batch ${t.testdir({ batch: lines.join('') })}/batch`)
  const { lost, messages } = subscription.take()
  t.equal(lost, true)
  t.ok(messages.length > 1000 && messages.length < 30_000, `${messages.length} were kept`)
  const count = runSync(['sh', '-c', `ip -n ${namespace.name} route | wc -l`])
  t.equal(Number(count), 30_000)
  t.strictSame(subscription.take(), { messages: [], lost: false })
  ip('link set eth0 down')
  const after = subscription.take()
  t.equal(after.lost, false)
  t.ok(after.messages.flatMap(decodeChange).map(describe).includes('new link eth0 down'))
})

t.test('it is closed once', options, async (t) => {
  const count = () => readdirSync('/proc/self/fd').length
  const before = count()
  const subscription = Subscription.open(groups.link)
  t.equal(count(), before + 1)
  subscription[Symbol.dispose]()
  subscription[Symbol.dispose]()
  t.equal(count(), before)
  t.throws(() => Subscription.open(99_999), { code: 'EINVAL' })
  t.equal(count(), before)
})
