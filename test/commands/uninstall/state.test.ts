import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { networksOf } from '../../../commands/uninstall/networks.ts'
import { planState, savedNetworks } from '../../../commands/uninstall/state.ts'
import { parseConfList } from '../../../lib/libcni/conf-list.ts'
import { contextOf } from '../../support/request.ts'

const ipam = { type: 'host-local' }
const saved = JSON.stringify({ name: 'cbr0', type: 'bridge', bridge: 'br1', ipam })

function setUp(t: Test, files: Parameters<Test['testdir']>[0]) {
  const dir = t.testdir(files)
  const [savedDir, networksDir] = [join(dir, 'flannel'), join(dir, 'networks')]
  const portmapDir = join(dir, 'portmap')
  const plugins = [
    { type: 'flannel', dataDir: savedDir, ipam: { dataDir: networksDir } },
    { type: 'portmap', dataDir: portmapDir },
  ]
  const list = parseConfList(JSON.stringify({ name: 'cbr0', cniVersion: '1.0.0', plugins }))
  const networks = networksOf(list)
  const lines: string[] = []
  const plan = planState([...networks, ...networks], (line) => lines.push(line), contextOf().log)
  return { dir, savedDir, networks, plan, lines }
}

t.test('removes what the plugins have written, and the folders', async (t) => {
  const { dir, plan, lines } = setUp(t, {
    flannel: { c1: saved, 'c1:net1': saved, '.c2': saved, c3: '', c4: saved.slice(0, 9) },
    networks: {
      cbr0: {
        '10.244.1.2': 'c1\r\neth0',
        'fd00::2': 'c1\r\neth0',
        '.c1 eth0': t.fixture('symlink', '{"bootId":""}'),
        'last_reserved_ip.0': '10.244.1.2',
        '.new-0011223344556677': 'c2',
        lock: '',
        'lock.lock': {},
      },
      other: { '10.9.0.2': 'c9\r\neth0' },
    },
    portmap: { 'cbr0:c1:eth0': '{}', '.cbr0:c2:eth0': '', lock: '' },
  })
  t.strictSame(
    plan.map(({ what }) => what),
    [join(dir, 'flannel/'), join(dir, 'networks/cbr0/'), join(dir, 'portmap/')],
  )
  for (const { remove } of plan) remove()
  for (const { remove } of plan) remove()
  t.strictSame(readdirSync(dir), ['networks'])
  t.strictSame(readdirSync(join(dir, 'networks')), ['other'])
  t.strictSame(lines, [])
})

t.test('leaves what others have put there', async (t) => {
  const { dir, savedDir, plan, lines } = setUp(t, {
    flannel: { c1: saved, hostname: 'node-1', 'os-release': 'ID=debian', subdir: { c2: saved } },
    networks: { cbr0: { '10.244.1.2': 'c1\r\neth0', README: 'mine' } },
    portmap: { 'cbr0:c1:eth0': '{}', 'other:c9:eth0': '{}', lock: '' },
  })
  symlinkSync('c1', join(savedDir, 'c4'))
  mkdirSync(join(savedDir, 'c5'))
  for (const { remove } of plan) remove()
  const kept = ['c4', 'c5', 'hostname', 'os-release', 'subdir']
  t.strictSame(readdirSync(savedDir), kept)
  t.strictSame(readdirSync(join(dir, 'networks/cbr0')), ['README'])
  t.strictSame(readdirSync(join(dir, 'portmap')), ['lock', 'other:c9:eth0'])
  t.strictSame(lines, [
    `kept ${savedDir}, where others have put ${kept.join(', ')}`,
    `kept ${join(dir, 'networks/cbr0')}, where others have put README`,
    `kept ${join(dir, 'portmap')}, where others have put other:c9:eth0`,
  ])
})

t.test('plans nothing where there is nothing', async (t) => {
  t.strictSame(setUp(t, {}).plan, [])
})

t.test('tells of the networks of what is saved', async (t) => {
  const flannel = { c1: saved, c2: 'torn', c3: { x: saved }, c4: '{"name":"../x"}' }
  const { savedDir, networks } = setUp(t, { flannel })
  t.match(savedNetworks(networks), [{ name: 'cbr0', calls: [{ conf: { bridge: 'br1' } }, {}, {}] }])
  t.ok(existsSync(savedDir))
  t.strictSame(savedNetworks(setUp(t, {}).networks), [])
})
