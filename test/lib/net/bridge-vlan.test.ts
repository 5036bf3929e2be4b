import t from 'tap'
import { vlanAdd, vlanDelete, vlanList } from '../../../lib/net/bridge-vlan.ts'
import { bridgeAdd, vethAdd } from '../../../lib/net/link.ts'
import { AF_BRIDGE } from '../../../lib/netlink/address-family.ts'
import { concat } from '../../../lib/netlink/attribute.ts'
import { bridgeVlanMessage } from '../../../lib/netlink/bridge-vlan.ts'
import { encodeMessage } from '../../../lib/netlink/message.ts'
import { addNamespace } from '../../../scripts/lab/node.ts'
import { connect } from '../../support/connect.ts'
import { bridgeJson } from '../../support/ip.ts'
import { ack, connectTo, sends } from '../../support/netlink.ts'
import { vlanSkip, withoutVlanSkip } from '../../support/vlan.ts'

const native = { id: 1, pvid: true, untagged: true }
const tagged = (id: number) => ({ id, pvid: false, untagged: false })

t.test('requests are those of iproute2', async (t) => {
  const access = { id: 100, pvid: true, untagged: true }
  for (const { flags, wantedFlags } of [
    sends(t, 'bridge-vlan-add', (c) => vlanAdd(c, 4, [access])),
    sends(t, 'bridge-vlan-delete', (c) => vlanDelete(c, 4, [tagged(1)])),
  ]) {
    t.equal(flags, wantedFlags)
  }
})

t.test('a list with a range, of one port among others', async (t) => {
  const vlans = [
    { id: 1, flags: 0x6 },
    { id: 100, flags: 0x8 },
    { id: 103, flags: 0x10 },
    { id: 200, flags: 0x4 },
  ]
  const connection = connectTo((requests) =>
    requests.map((request) => {
      const ports = [3, 4].map((index) => {
        const payload = bridgeVlanMessage.encode({
          family: AF_BRIDGE,
          index,
          vlans: index === 4 ? vlans : [],
        })
        return encodeMessage({ ...request, type: 16, flags: 2, payload })
      })
      return concat([...ports, ack(request)])
    }),
  )
  t.strictSame(vlanList(connection, 4), [
    native,
    ...[100, 101, 102, 103].map(tagged),
    { id: 200, pvid: false, untagged: true },
  ])
  t.strictSame(vlanList(connection, 3), [])
})

t.test('VLANs of a port', { skip: vlanSkip() }, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const bridge = bridgeAdd(connection, { name: 'cni0', vlanFiltering: true })
  t.equal(bridge.vlanFiltering, true)
  const { index } = vethAdd(connection, {
    name: 'veth1',
    master: bridge.index,
    peer: { name: 'veth2' },
  })
  t.strictSame(vlanList(connection, index), [native])
  vlanDelete(connection, index, [native])
  vlanAdd(connection, index, [{ ...native, id: 100 }, ...[200, 201, 202].map(tagged)])
  const [shown] = bridgeJson<{ vlans: unknown[] }>(node, 'vlan', 'show', 'dev', 'veth1')
  t.match(shown?.vlans, [
    { vlan: 100, flags: ['PVID', 'Egress Untagged'] },
    { vlan: 200, vlanEnd: 202 },
  ])
  t.strictSame(vlanList(connection, index), [
    { ...native, id: 100 },
    ...[200, 201, 202].map(tagged),
  ])
})

t.test('a kernel without VLAN filtering', { skip: withoutVlanSkip() }, async (t) => {
  const connection = connect(t, addNamespace(t))
  t.throws(() => bridgeAdd(connection, { name: 'cni0', vlanFiltering: true }), {
    code: 'ENOTSUP',
  })
  const bridge = bridgeAdd(connection, { name: 'cni0' })
  const pair = { name: 'veth1', master: bridge.index, peer: { name: 'veth2' } }
  const { index } = vethAdd(connection, pair)
  t.throws(() => vlanAdd(connection, index, [tagged(100)]), {
    code: 'ENOTSUP',
    operation: `bridge vlan add dev if${index} vid 100`,
  })
  t.strictSame(vlanList(connection, index), [])
})
