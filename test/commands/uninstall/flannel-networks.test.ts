import t from 'tap'
import { networkOfSaved, networksOf } from '../../../commands/uninstall/flannel-networks.ts'
import { parseConfList } from '../../../lib/libcni/conf-list.ts'

const usual = {
  name: 'cbr0',
  bridge: 'cni0',
  savedDir: '/var/lib/cni/flannel',
  networksDir: '/var/lib/cni/networks',
  portmapDir: undefined,
}
const portmapDir = '/var/lib/cni/portmap'

function networks(name: string, ...plugins: object[]) {
  return networksOf(parseConfList(JSON.stringify({ name, cniVersion: '1.0.0', plugins })))
}

t.test('a list that calls flannel', async (t) => {
  const portmap = { type: 'portmap', capabilities: { portMappings: true } }
  t.strictSame(networks('cbr0', { type: 'flannel' }), [usual])
  t.strictSame(networks('cbr0', { type: 'flannel' }, portmap), [{ ...usual, portmapDir }])
  const flannel = {
    ...{ type: 'flannel', DataDir: '/f', ipam: { dataDir: '/n' } },
    delegate: { Bridge: 'br1', type: 'bridge' },
  }
  t.strictSame(networks('net1', flannel, { ...portmap, dataDir: '/p' }), [
    { name: 'net1', bridge: 'br1', savedDir: '/f', networksDir: '/n', portmapDir: '/p' },
  ])
})

t.test('has no bridge when another plugin makes its interfaces', async (t) => {
  const flannel = { type: 'flannel', delegate: { type: 'ipvlan' } }
  t.strictSame(networks('cbr0', flannel), [{ ...usual, bridge: undefined }])
  const odd = { type: 'flannel', delegate: { bridge: '../x' } }
  t.strictSame(networks('cbr0', odd), [{ ...usual, bridge: undefined }])
})

t.test('others are not ours, and no name leads out of a folder', async (t) => {
  t.strictSame(networks('cbr0', { type: 'bridge', bridge: 'cni0' }), [])
  t.strictSame(networks('../x', { type: 'flannel' }), [])
})

t.test('a saved configuration', async (t) => {
  const saved = { name: 'net1', type: 'bridge', bridge: 'br1', ipam: { dataDir: '/n' } }
  t.strictSame(networkOfSaved(JSON.stringify(saved), '/f'), [
    { name: 'net1', bridge: 'br1', savedDir: '/f', networksDir: '/n', portmapDir },
  ])
  t.strictSame(networkOfSaved('{"name":"cbr0","type":"bridge"}', usual.savedDir), [
    { ...usual, portmapDir },
  ])
  for (const text of [
    '',
    '{',
    '[]',
    'null',
    '{"name":"cbr0"}',
    '{"name":"../x","type":"bridge"}',
  ]) {
    t.strictSame(networkOfSaved(text, '/f'), [], text)
  }
})
