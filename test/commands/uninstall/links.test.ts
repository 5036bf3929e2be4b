import t from 'tap'
import { planLinks, unknownPorts } from '../../../commands/uninstall/links.ts'
import { attachmentOf, vethOf } from '../node/attachment.ts'

const folders = { savedDir: '/f', networksDir: '/n', portmapDir: undefined }
const networks = [
  { name: 'cbr0', bridge: 'cni0', ...folders },
  { name: 'net2', bridge: undefined, ...folders },
]
const bridge = vethOf({ index: 2, name: 'cni0', kind: 'bridge', master: 0 })
const port = vethOf({ index: 7, peer: 3, peerNetnsId: 0 })
const vlanPort = vethOf({ index: 8, name: 'vethaa', peer: 9 })
const vlan = vethOf({ index: 9, name: 'cni0.100', peer: 8, master: 0 })
const links = [
  bridge,
  port,
  vlanPort,
  vlan,
  vethOf({ index: 10, name: 'br0', kind: 'bridge', master: 0 }),
  vethOf({ index: 11, name: 'veth9', master: 10 }),
  vethOf({ index: 12, name: 'cni0.200', peer: 13, master: 0 }),
]
const attachments = [attachmentOf({ port })]

t.test('ports go before their bridge, with what belongs to it', async (t) => {
  t.strictSame(
    planLinks(networks, attachments, links).map(({ what }) => what),
    ['link veth1, of cbr0/c1/eth0', 'link cni0.100, a gateway in a VLAN', 'link cni0, a bridge'],
  )
})

t.test('a name that is no bridge is not ours', async (t) => {
  const vxlan = [vethOf({ name: 'cni0', kind: 'vxlan' })]
  t.strictSame(planLinks(networks, [], vxlan), [])
  t.strictSame(planLinks([], [attachmentOf({ port: undefined })], links), [])
})

t.test('ports that belong to no attachment', async (t) => {
  t.strictSame(unknownPorts(networks, attachments, links), [])
  const tap = vethOf({ index: 20, name: 'tap0', kind: 'tun' })
  t.strictSame(unknownPorts(networks, attachments, [...links, tap]), [tap])
  t.strictSame(unknownPorts(networks, [], links), [port])
})
