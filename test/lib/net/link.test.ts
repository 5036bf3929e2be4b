import t from 'tap'
import { Netns } from '../../../lib/linux/netns.ts'
import {
  bridgeAdd,
  linkByIndex,
  linkByName,
  linkDelete,
  linkList,
  linkSet,
  vethAdd,
} from '../../../lib/net/link.ts'
import { linkMessage } from '../../../lib/netlink/link.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { connect } from '../../support/connect.ts'
import { link, links } from '../../support/ip.ts'
import { sends } from '../../support/netlink.ts'

const options = { skip: kernelSkip() }

t.test('requests are those of iproute2', async (t) => {
  const veth = {
    name: 'veth01020304',
    mtu: 1450,
    master: 3,
    peer: { name: 'eth0', mtu: 1450, mac: '0a:58:0a:f4:01:05', netns: 4 },
  }
  const bridge = { name: 'cni0', mtu: 1450, mac: '0a:58:0a:f4:01:01', vlanFiltering: true }
  for (const { flags, wantedFlags } of [
    sends(t, 'link-add-veth', (c) => vethAdd(c, veth), 'link-show-veth'),
    sends(t, 'link-add-bridge', (c) => bridgeAdd(c, bridge), 'link-show-bridge'),
    sends(t, 'link-set-up', (c) => linkSet(c, 3, { up: true })),
    sends(t, 'link-set-promisc', (c) => linkSet(c, 3, { promiscuous: true })),
    sends(t, 'link-set-mtu', (c) => linkSet(c, 3, { mtu: 1400 })),
    sends(t, 'link-set-alias', (c) => linkSet(c, 3, { alias: 'flannel' })),
    sends(t, 'link-set-nomaster', (c) => linkSet(c, 4, { master: 0 })),
    sends(t, 'link-delete', (c) => linkDelete(c, 3)),
  ]) {
    t.equal(flags, wantedFlags)
  }
})

t.test('a bridge', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const bridge = bridgeAdd(connection, { name: 'cni0', mtu: 1450, mac: '0a:58:0a:f4:01:01' })
  const wanted = link(node, 'cni0')
  t.match(wanted, { mtu: 1450, address: '0a:58:0a:f4:01:01', linkinfo: { info_kind: 'bridge' } })
  t.strictSame(bridge, {
    index: wanted?.ifindex,
    name: 'cni0',
    mac: '0a:58:0a:f4:01:01',
    mtu: 1450,
    up: false,
    carrier: false,
    promiscuous: false,
    promiscuity: 0,
    operState: 'down',
    kind: 'bridge',
    vlanFiltering: false,
  })
  t.throws(() => bridgeAdd(connection, { name: 'cni0' }), {
    message: 'file exists',
    code: 'EEXIST',
    details: 'link add cni0 type bridge',
  })
})

t.test('a veth pair is born in two namespaces', options, async (t) => {
  const [node, pod] = [addNamespace(t), addNamespace(t)]
  const connection = connect(t, node)
  const bridge = bridgeAdd(connection, { name: 'cni0', mtu: 1450 })
  using netns = Netns.open(pod.netns)
  const mac = '0a:58:0a:f4:01:05'
  const veth = vethAdd(connection, {
    name: 'veth01020304',
    mtu: 1450,
    master: bridge.index,
    peer: { name: 'eth0', mtu: 1400, mac, netns: netns.fd },
  })
  const [here, there] = [link(node, 'veth01020304'), link(pod, 'eth0')]
  t.match(here, { mtu: 1450, master: 'cni0', linkinfo: { info_kind: 'veth' } })
  t.ok(here?.flags.includes('UP'))
  t.match(there, { mtu: 1400, address: mac, operstate: 'DOWN' })
  t.notOk(there?.flags.includes('UP'))
  t.equal(link(node, 'eth0'), undefined)
  t.match(veth, {
    index: here?.ifindex,
    mac: here?.address,
    up: true,
    kind: 'veth',
    master: bridge.index,
    parent: there?.ifindex,
    parentNetnsId: here?.link_netnsid,
    port: { hairpin: false, isolated: false, state: 'disabled' },
  })
})

t.test('a veth pair in one namespace', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const veth = vethAdd(connection, { name: 'cni0.100', peer: { name: 'veth100' } })
  t.equal(veth.parent, link(node, 'veth100')?.ifindex)
  t.notOk('parentNetnsId' in veth)
})

t.test('a pair of which either name is taken leaves nothing', options, async (t) => {
  const [node, pod] = [addNamespace(t), addNamespace(t)]
  const connection = connect(t, node)
  using netns = Netns.open(pod.netns)
  vethAdd(connection, { name: 'veth1', peer: { name: 'eth0', netns: netns.fd } })
  const before = [links(node).length, links(pod).length]
  for (const [name, peer] of [
    ['veth2', 'eth0'],
    ['veth1', 'eth1'],
  ] as const) {
    t.throws(() => vethAdd(connection, { name, peer: { name: peer, netns: netns.fd } }), {
      code: 'EEXIST',
      operation: `link add ${name} type veth peer ${peer}`,
    })
  }
  t.strictSame([links(node).length, links(pod).length], before)
})

t.test('a MAC that is none is refused before anything is sent', options, async (t) => {
  const connection = connect(t, addNamespace(t))
  t.throws(() => bridgeAdd(connection, { name: 'cni0', mac: 'zz' }), {
    message: 'IFLA_ADDRESS: address zz: invalid MAC address',
  })
})

t.test('links by name and by index', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const loopback = linkByName(connection, 'lo')
  t.match(loopback, { index: 1, name: 'lo', mac: '00:00:00:00:00:00', mtu: 65536, up: false })
  t.notOk(loopback && 'kind' in loopback)
  t.strictSame(linkByIndex(connection, 1), loopback)
  t.equal(linkByName(connection, 'nosuch'), undefined)
  t.equal(linkByIndex(connection, 4711), undefined)
  t.throws(() => linkByName(connection, 'averyveryverylongname'), {
    code: 'ERANGE',
    details: /^link show averyveryverylongname: Attribute failed policy validation \(attribute at/,
  })
})

t.test('changes', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const { index } = bridgeAdd(connection, { name: 'cni0' })
  const mac = '0a:58:0a:f4:01:09'
  linkSet(connection, index, { up: true, promiscuous: true, mtu: 1400, mac, alias: 'flannel' })
  t.match(link(node, 'cni0'), { promiscuity: 1, mtu: 1400, address: mac, ifalias: 'flannel' })
  t.match(linkByIndex(connection, index), { up: true, promiscuous: true, alias: 'flannel', mac })
  linkSet(connection, index, { promiscuous: false })
  t.match(link(node, 'cni0'), { promiscuity: 0, mtu: 1400 })
  t.ok(link(node, 'cni0')?.flags.includes('UP'))
  linkSet(connection, index, { up: false })
  t.notOk(link(node, 'cni0')?.flags.includes('UP'))
  t.throws(() => linkSet(connection, index, { mtu: 1 }), {
    code: 'EINVAL',
    details: `link set if${index} mtu 1: mtu less than device minimum`,
  })
  t.throws(() => linkSet(connection, 4711, { up: true }), { code: 'ENODEV' })
})

t.test('a port of a bridge, and no more', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const bridge = bridgeAdd(connection, { name: 'cni0' })
  const veth = vethAdd(connection, { name: 'veth1', peer: { name: 'veth2' } })
  t.strictSame(linkList(connection, { master: bridge.index }), [])
  linkSet(connection, veth.index, { master: bridge.index })
  t.equal(link(node, 'veth1')?.master, 'cni0')
  linkSet(connection, veth.index, { master: 0 })
  t.equal(link(node, 'veth1')?.master, undefined)
})

t.test('lists', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const bridge = bridgeAdd(connection, { name: 'cni0' })
  const names = Array.from({ length: 30 }, (_, index) => `veth${index}`)
  for (const name of names) {
    vethAdd(connection, { name, master: bridge.index, peer: { name: `p${name}` } })
  }
  const listed = (filter?: { master?: number; kind?: string }) =>
    linkList(connection, filter).map(({ name }) => name)
  t.strictSame(
    listed().toSorted(),
    links(node)
      .map(({ ifname }) => ifname)
      .toSorted(),
  )
  t.strictSame(listed({ master: bridge.index }), names)
  t.strictSame(listed({ kind: 'bridge' }), ['cni0'])
  t.strictSame(listed({ kind: 'veth', master: bridge.index }), names)
  t.strictSame(listed({ kind: 'nosuch' }), [])
})

t.test('states follow both ends', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const veth = vethAdd(connection, { name: 'veth1', peer: { name: 'veth2' } })
  const state = () => linkByIndex(connection, veth.index)?.operState
  t.equal(link(node, 'veth1')?.operstate, 'LOWERLAYERDOWN')
  t.equal(state(), 'lower-layer-down')
  runSync(['ip', '-n', node.name, 'link', 'set', 'veth2', 'up'])
  t.equal(link(node, 'veth1')?.operstate, 'UP')
  t.equal(state(), 'up')
  linkSet(connection, veth.index, { up: false })
  t.equal(link(node, 'veth1')?.operstate, 'DOWN')
  t.equal(state(), 'down')
})

t.test('a veth goes with its peer', options, async (t) => {
  const [node, pod] = [addNamespace(t), addNamespace(t)]
  const connection = connect(t, node)
  using netns = Netns.open(pod.netns)
  const { index } = vethAdd(connection, { name: 'veth1', peer: { name: 'eth0', netns: netns.fd } })
  linkDelete(connection, index)
  t.equal(link(node, 'veth1'), undefined)
  t.equal(link(pod, 'eth0'), undefined)
  t.throws(() => linkDelete(connection, index), {
    message: 'no such device',
    code: 'ENODEV',
    details: `link delete if${index}`,
  })
})

t.test('a batch goes on behind an error', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const add = (name: string) => ({
    operation: `link add ${name}`,
    type: 16,
    flags: 0x600,
    payload: linkMessage.encode({ name, info: { kind: 'bridge' } }),
  })
  const batch = ['br1', 'br1', 'br2'].map(add)
  t.throws(() => connection.executeAll(batch), { code: 'EEXIST', operation: 'link add br1' })
  t.ok(link(node, 'br2'))
  t.equal(linkByName(connection, 'br2')?.kind, 'bridge', 'answers still fit their requests')
})
