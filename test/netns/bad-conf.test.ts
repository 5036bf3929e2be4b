/**
 * Configurations and names that plugins cannot work with: each is answered by one error object,
 * and nothing on the node changes.
 */
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { confOf, isRefused, makeQuarantine, type Variables } from '../support/quarantine.ts'

const options = { skip: kernelSkip() }

const wrongTypes: Readonly<Record<string, [keys: object, message: RegExp][]>> = {
  flannel: [
    [{ subnetFile: 5 }, /subnetFile must be string/],
    [{ dataDir: [] }, /dataDir must be string/],
    [{ delegate: 'bridge' }, /delegate must be object/],
    [{ delegate: { mtu: '1400' } }, /mtu must be integer/],
    [{ delegate: { bridge: '../../x' } }, /bridge "..\/..\/x"/],
    [{ ipam: 5 }, /ipam must be object/],
    [{ ipam: { routes: [{ dst: '10.0.0.0' }] } }, /invalid CIDR address: 10\.0\.0\.0/],
    [{ runtimeConfig: 'x' }, /runtimeConfig must be object/],
  ],
  bridge: [
    [{ bridge: 5 }, /bridge must be string/],
    [{ bridge: '' }, /interface name is empty/],
    [{ bridge: 'x'.repeat(16) }, /interface name is too long/],
    [{ isGateway: 'true' }, /isGateway must be boolean/],
    [{ mtu: 1400.5 }, /mtu must be integer/],
    [{ mtu: -1 }, /mtu must be >= 0/],
    [{ vlan: '5' }, /vlan must be integer/],
    [{ ipam: { type: 5 } }, /ipam\.type must be string/],
    [{ dns: [] }, /dns must be object/],
    [{ args: { cni: { mac: 'x' } } }, /mac/i],
  ],
  'host-local': [
    [{ ipam: { type: 'host-local', subnet: '10.1.2.0' } }, /10\.1\.2\.0/],
    [{ ipam: { type: 'host-local', ranges: {} } }, /ipam\.ranges must be array/],
    [{ ipam: { type: 'host-local', ranges: [[{ subnet: 5 }]] } }, /subnet must be string/],
    [{ ipam: { type: 'host-local', subnet: '10.1.2.0/24', dataDir: 5 } }, /dataDir must be string/],
    [
      { ipam: { type: 'host-local', subnet: '10.1.2.0/24', resolvConf: 5 } },
      /resolvConf must be string/,
    ],
  ],
  loopback: [[{ prevResult: { cniVersion: '1.1.0', ips: 5 } }, /ips must be array/]],
}

t.test('configurations', options, async (t) => {
  const node = makeQuarantine(t)
  const before = node.everything()
  for (const [plugin, mistakes] of Object.entries(wrongTypes)) {
    for (const [keys, message] of mistakes) {
      const outcome = await node.call(plugin, { CNI_COMMAND: 'ADD' }, confOf(keys))
      isRefused(t, outcome, 7, `${plugin} ${JSON.stringify(keys)}`)
      t.match(JSON.parse(outcome.stdout).msg, message)
    }
  }
  t.strictSame(node.everything(), before)
})

const long = 'x'.repeat(300)
const tooLong: [plugin: string, variables: Variables, keys: object][] = [
  ['flannel', { CNI_CONTAINERID: long }, {}],
  ['flannel', {}, { name: long }],
  ['bridge', {}, { name: long }],
  ['host-local', {}, { name: long }],
]

t.test('names that are allowed, but too long for a file', options, async (t) => {
  const node = makeQuarantine(t)
  const before = node.everything()
  for (const [plugin, variables, keys] of tooLong) {
    const outcome = await node.call(plugin, variables, confOf(keys))
    isRefused(t, outcome, 5, plugin)
    t.match(JSON.parse(outcome.stdout).msg, /: file name too long$/)
  }
  t.strictSame(node.everything(), before)
})

const sandboxes = ['/nowhere', 'nowhere', '/etc/hostname', '/etc', '/dev/zero', '/etc/hostname/x']

t.test('sandboxes that are none', options, async (t) => {
  const node = makeQuarantine(t)
  const before = node.everything()
  for (const netns of sandboxes) {
    for (const plugin of ['flannel', 'bridge', 'loopback']) {
      const name = `${plugin} ${netns}`
      const add = await node.call(plugin, { CNI_NETNS: netns }, confOf())
      isRefused(t, add, 999, name)
      const del = await node.call(plugin, { CNI_COMMAND: 'DEL', CNI_NETNS: netns }, confOf())
      t.strictSame(del, { code: 0, stdout: '', stderr: '' }, `DEL ${name}`)
    }
  }
  for (const command of ['ADD', 'DEL']) {
    const changes = { CNI_COMMAND: command, CNI_NETNS: node.node.netns }
    isRefused(t, await node.call('loopback', changes, confOf()), 8, `${command} of the node's own`)
  }
  t.strictSame(node.everything(), before)
})
