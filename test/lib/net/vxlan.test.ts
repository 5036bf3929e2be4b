import t from 'tap'
import { formatIp } from '../../../lib/ip/ip.ts'
import { linkByIndex, linkByName } from '../../../lib/net/link.ts'
import { type NewVxlan, vxlanAdd, vxlanSetLearning } from '../../../lib/net/vxlan.ts'
import { addNamespace, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { ip } from '../../support/address.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { connect } from '../../support/connect.ts'
import { link } from '../../support/ip.ts'

const options = { skip: kernelSkip() || vxlanSkip() }

/** A namespace with eth0, of MTU 1500. */
function makeNode(scope: Scope) {
  const node = addNamespace(scope)
  runSync(['ip', '-n', node.name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'wire'])
  const connection = connect(scope, node)
  const parent = linkByName(connection, 'eth0')?.index ?? 0
  const device: NewVxlan = {
    ...{ name: 'flannel.1', mac: '0e:00:00:00:00:01', mtu: 1450, parent, vni: 1, port: 0 },
    ...{ local: ip('192.0.2.1'), learning: false, gbp: false },
  }
  return { node, connection, device }
}

t.test('a device as upstream makes it', options, async (t) => {
  const { node, connection, device } = makeNode(t)
  const made = vxlanAdd(connection, device)
  t.match(made, {
    ...{ name: 'flannel.1', kind: 'vxlan', mac: device.mac, mtu: 1450, up: false },
    vxlan: { vni: 1, parent: device.parent, port: 8472, learning: false, gbp: false },
  })
  t.equal(made.vxlan?.local && formatIp(made.vxlan.local), '192.0.2.1')
  const shown = link(node, 'flannel.1')
  t.match(shown, { address: device.mac, mtu: 1450, ifindex: made.index })
  const { info_kind: kind, info_data: data } = shown?.linkinfo ?? {}
  t.equal(kind, 'vxlan')
  t.match(data, { id: 1, link: 'eth0', local: '192.0.2.1', port: 8472, learning: false })
  const [name, ...words] =
    'flannel.2 type vxlan id 2 local 192.0.2.1 dev eth0 nolearning dstport 0'.split(' ')
  runSync(['ip', '-n', node.name, 'link', 'add', name ?? '', ...words])
  const byHand = link(node, 'flannel.2')?.linkinfo?.info_data
  t.strictSame({ ...data, id: 2 }, byHand, 'as ip makes it')
})

t.test('all that can be chosen', options, async (t) => {
  const { node, connection, device } = makeNode(t)
  const made = vxlanAdd(connection, {
    ...{ ...device, name: 'flannel-v6.7', vni: 16_777_215, port: 4789, mtu: 1400 },
    ...{ local: ip('2001:db8::1'), learning: true, gbp: true },
  })
  const data = link(node, 'flannel-v6.7')?.linkinfo?.info_data
  t.match(data, { id: 16_777_215, local6: '2001:db8::1', port: 4789, learning: true, gbp: true })
  const { vxlan } = linkByIndex(connection, made.index) ?? {}
  t.match(vxlan, { vni: 16_777_215, port: 4789, learning: true, gbp: true })
  t.equal(vxlan?.local && formatIp(vxlan.local), '2001:db8::1')
})

t.test('learning is changed, and nothing else', options, async (t) => {
  const { node, connection, device } = makeNode(t)
  const { index } = vxlanAdd(connection, { ...device, gbp: true })
  const data = () => link(node, 'flannel.1')?.linkinfo?.info_data
  const before = data()
  for (const learning of [true, false]) {
    vxlanSetLearning(connection, index, learning)
    t.strictSame(data(), { ...before, learning })
  }
  const error = { code: 'ENODEV', details: /link set if999 type vxlan learning/ }
  t.throws(() => vxlanSetLearning(connection, 999, true), error)
})

t.test('an MTU for which there is no room', options, async (t) => {
  const { connection, device } = makeNode(t)
  const local = ip('2001:db8::1')
  t.equal(vxlanAdd(connection, { ...device, local }).mtu, 1430, 'is made smaller')
  t.equal(vxlanAdd(connection, { ...device, name: 'b', vni: 2, mtu: 1480 }).mtu, 1450)
})

t.test('what the kernel refuses', options, async (t) => {
  const { connection, device } = makeNode(t)
  vxlanAdd(connection, device)
  t.throws(() => vxlanAdd(connection, { ...device, vni: 2 }), { code: 'EEXIST' }, 'its name')
  t.throws(() => vxlanAdd(connection, { ...device, name: 'flannel.x' }), {
    code: 'EEXIST',
    message: 'file exists',
    details: /link add flannel\.x type vxlan id 1 dev if\d+: A VXLAN device with the specified VNI/,
  })
  t.equal(vxlanAdd(connection, { ...device, name: 'other-port', port: 4789 }).vxlan?.port, 4789)
  t.throws(() => vxlanAdd(connection, { ...device, name: 'c', vni: 3, parent: 999 }), {
    code: 'ENODEV',
  })
})
