import t from 'tap'
import { findBridges, planLinks, unknownPorts } from '../../../commands/uninstall/links.ts'
import { networkOfDelegate } from '../../../commands/uninstall/networks.ts'
import type { Link } from '../../../lib/net/link.ts'
import { attachmentOf, vethOf } from '../node/attachment.ts'

const delegate = { name: 'cbr0', cniVersion: '1.1.0', type: 'bridge', bridge: 'cni0' } as const
const networks = [
  networkOfDelegate(delegate),
  networkOfDelegate(delegate),
  networkOfDelegate({ ...delegate, name: 'net2', type: 'ipvlan', bridge: 'br0' }),
]
const bridgesAmong = (links: readonly Link[], among = networks) =>
  findBridges(among, links, () => [])
const bridge = vethOf({ index: 2, name: 'cni0', kind: 'bridge', master: 0, alias: 'cni' })
const port = vethOf({ index: 7, parent: 3, parentNetnsId: 0 })
const vlanPort = vethOf({ index: 8, name: 'vethaa', parent: 9 })
const vlan = vethOf({ index: 9, name: 'cni0.100', parent: 8, master: 0 })
const links = [
  bridge,
  port,
  vlanPort,
  vlan,
  vethOf({ index: 10, name: 'br0', kind: 'bridge', master: 0 }),
  vethOf({ index: 11, name: 'veth9', master: 10 }),
  vethOf({ index: 12, name: 'cni0.200', parent: 13, master: 0 }),
]
const attachments = [attachmentOf({ port })]

t.test('ports go before their bridge, with what belongs to it', async (t) => {
  t.strictSame(
    planLinks(bridgesAmong(links), attachments, links).map(({ what }) => what),
    ['link veth1, of cbr0/c1/eth0', 'link cni0.100, a gateway in a VLAN', 'link cni0, a bridge'],
  )
})

t.test('a name that is no bridge is not ours', async (t) => {
  const vxlan = [vethOf({ name: 'cni0', kind: 'vxlan' })]
  t.strictSame(planLinks(bridgesAmong(vxlan), [], vxlan), [])
  t.strictSame(planLinks(bridgesAmong(links, []), [attachmentOf({ port: undefined })], links), [])
})

t.test('ports that belong to no attachment', async (t) => {
  t.strictSame(unknownPorts(bridgesAmong(links), attachments, links), [])
  const tap = vethOf({ index: 20, name: 'tap0', kind: 'tun' })
  t.strictSame(unknownPorts(bridgesAmong(links), attachments, [...links, tap]), [tap])
  t.strictSame(unknownPorts(bridgesAmong(links), [], links), [port])
})

t.test('a bridge that the plugin has not made stays, with its ports', async (t) => {
  for (const alias of [undefined, 'uplink', 'cni joined', 'cni joined gateway 10.1.2.1/24']) {
    const found = links.map((link) =>
      link === bridge
        ? vethOf({ ...bridge, ...(alias === undefined ? { alias: '' } : { alias }) })
        : link,
    )
    const bridges = bridgesAmong(found)
    t.match(bridges, { own: [], others: [{ name: 'cni0' }] })
    t.strictSame(
      planLinks(bridges, attachments, found).map(({ what }) => what),
      ['link veth1, of cbr0/c1/eth0', 'link cni0.100, a gateway in a VLAN'],
    )
    t.strictSame(unknownPorts(bridges, [], found), [])
  }
})
