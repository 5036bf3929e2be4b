import t from 'tap'
import { folderOf } from '../../../commands/node/plugin-calls.ts'
import {
  type Network,
  networkOfDelegate,
  networksOf,
} from '../../../commands/uninstall/networks.ts'
import { parseConfList } from '../../../lib/libcni/conf-list.ts'

const [flannel, hostLocal, portmap] = ['flannel', 'networks', 'portmap'].map(
  (name) => `/var/lib/cni/${name}`,
)

/** Its name, its bridges, and the folders of its state. */
function describe({ name, calls }: Network) {
  const bridges = calls.flatMap(({ footprint, conf }) => footprint.links?.bridgeName(conf) ?? [])
  return { name, bridges, folders: calls.flatMap((call) => folderOf(call)?.path ?? []) }
}

function networks(name: string, ...plugins: object[]) {
  const list = parseConfList(JSON.stringify({ name, cniVersion: '1.0.0', plugins }))
  return networksOf(list).map(describe)
}

const usual = { name: 'cbr0', bridges: ['cni0'], folders: [flannel, `${hostLocal}/cbr0`] }

t.test('a list that calls flannel', async (t) => {
  const mappings = { type: 'portmap', capabilities: { portMappings: true } }
  t.strictSame(networks('cbr0', { type: 'flannel' }), [usual])
  t.strictSame(networks('cbr0', { type: 'flannel' }, mappings), [
    { ...usual, folders: [...usual.folders, portmap] },
  ])
  const conf = {
    ...{ type: 'flannel', DataDir: '/f', ipam: { dataDir: '/n' } },
    delegate: { Bridge: 'br1', type: 'bridge' },
  }
  t.strictSame(networks('net1', conf, { ...mappings, DataDir: '/p' }), [
    { name: 'net1', bridges: ['br1'], folders: ['/f', '/n/net1', '/p'] },
  ])
})

t.test('has no bridge when another plugin makes its interfaces', async (t) => {
  const none = { ...usual, bridges: [] }
  t.strictSame(networks('cbr0', { type: 'flannel', delegate: { type: 'ipvlan' } }), [none])
  t.strictSame(networks('cbr0', { type: 'flannel', delegate: { bridge: '../x' } }), [none])
})

t.test('what is wrong in a configuration hides nothing else of it', async (t) => {
  const conf = { type: 'flannel', subnetFile: 7, delegate: 'x', dataDir: '/f' }
  t.strictSame(networks('cbr0', conf), [{ ...usual, folders: ['/f', `${hostLocal}/cbr0`] }])
})

t.test('others are not ours, and no name leads out of a folder', async (t) => {
  t.strictSame(networks('cbr0', { type: 'bridge', bridge: 'cni0' }), [])
  t.strictSame(networks('../x', { type: 'flannel' }), [])
})

t.test('a bridge that names itself as its IPAM plugin is looked at once', async (t) => {
  const delegate = { type: 'bridge', ipam: { type: 'bridge' } }
  t.match(networks('cbr0', { type: 'flannel', ipam: { type: 'flannel' }, delegate }), [{}])
})

t.test('the configuration that a delegate was called with', async (t) => {
  const version = { cniVersion: '1.1.0' } as const
  const ipam = { type: 'host-local', dataDir: '/n' }
  const saved = { ...version, name: 'net1', type: 'bridge', bridge: 'br1', ipam }
  t.strictSame(describe(networkOfDelegate(saved)), {
    ...{ name: 'net1', bridges: ['br1'], folders: ['/n/net1', portmap] },
  })
  t.strictSame(
    describe(networkOfDelegate({ ...version, name: 'cbr0', type: 'bridge', ipam: {} })),
    {
      ...{ name: 'cbr0', bridges: ['cni0'], folders: [portmap] },
    },
  )
})
