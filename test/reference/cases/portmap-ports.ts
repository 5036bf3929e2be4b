/** What the portmap plugin is asked to do: every version, odd ports, and who may ask. */
import type { Case } from '../case.ts'
import { add, eth1, portmap, withEnv, withKeys } from './builders.ts'
import { addressV4, addressV6, connected, mapped, tcp } from './portmap-builders.ts'

const steps = ['ADD', 'DEL'].map((command) => ({ command }))
const remembered = { steps, differs: ['ports-record'] }
const oneFamily = { steps, differs: ['ports-record', 'no-other-family'] }
const oneTcp = { ...mapped(tcp), ...connected(addressV4) }
const odd = [
  ...[{ hostPort: 65535, containerPort: 65535 }, { hostIP: '127.0.0.1' }, { hostIP: '10.9.9.9' }],
]
const refused = [
  ...[{ hostPort: 65536 }, { containerPort: 65536 }, { protocol: '' }, { protocol: 'icmp' }],
]

/** The result of the plugins before, as each version has it. */
function connectedIn(cniVersion: string | undefined): object {
  const old = { ip4: { ip: '10.1.2.2/24', gateway: '10.1.2.1' }, ip6: { ip: 'fd00::2/64' } }
  if (!cniVersion || cniVersion < '0.3') return { prevResult: { cniVersion, ...old } }
  const { prevResult } = connected(addressV4, addressV6)
  if (cniVersion >= '1') return { prevResult: { ...prevResult, cniVersion } }
  const ips = [
    { version: '4', ...addressV4 },
    { version: '6', ...addressV6 },
  ]
  return { prevResult: { ...prevResult, cniVersion, ips } }
}

const versions = [undefined, '0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0']

export const portmapPortCases: readonly Case[] = [
  ...versions.map((cniVersion) =>
    portmap(
      `cniVersion ${JSON.stringify(cniVersion)}`,
      { cniVersion, ...mapped(tcp), ...connectedIn(cniVersion) },
      remembered,
    ),
  ),
  portmap(
    'cniVersion "1.1.0"',
    { cniVersion: '1.1.0', ...mapped(tcp), ...connectedIn('1.1.0') },
    {
      goConf: { cniVersion: '1.0.0', ...connectedIn('1.0.0') },
      steps,
      differs: ['ports-record', 'version-1.1'],
    },
  ),
  ...odd.map((keys) =>
    portmap(
      `the port ${JSON.stringify(keys)}`,
      { ...mapped({ ...tcp, ...keys }), ...connected(addressV4) },
      oneFamily,
    ),
  ),
  ...refused.map((keys) =>
    portmap(
      `a port that is none, ${JSON.stringify(keys)}`,
      { ...mapped({ ...tcp, ...keys }), ...connected(addressV4) },
      { steps, differs: ['configuration-mistake', 'refused-port'] },
    ),
  ),
  portmap(
    'a negative port',
    { ...mapped({ ...tcp, hostPort: -1 }), ...connected(addressV4) },
    { steps, differs: ['configuration-mistake', 'lenient-del'] },
  ),
  ...['x', 'fd00::1'].map((hostIP) =>
    portmap(
      `a hostIP that cannot be served, ${hostIP}`,
      { ...mapped({ ...tcp, hostIP }), ...connected(addressV4) },
      { steps: [add], differs: ['refused-port/address'] },
    ),
  ),
  portmap(
    'any hostIP of the other family',
    { ...mapped({ ...tcp, hostIP: '::' }), ...connected(addressV4) },
    { steps: [add], differs: ['ports-record', 'no-other-family', 'rules-of-one-family'] },
  ),
  portmap('an empty list of ports', { ...mapped(), ...connected(addressV4) }),
  portmap('one port twice', { ...mapped(tcp, tcp), ...connected(addressV4) }, oneFamily),
  portmap(
    'one host port for two ports',
    { ...mapped(tcp, { ...tcp, containerPort: 81 }), ...connected(addressV4) },
    oneFamily,
  ),
  portmap(
    'one port of two protocols',
    { ...mapped(tcp, { ...tcp, protocol: 'udp' }), ...connected(addressV4) },
    oneFamily,
  ),
  portmap(
    'no addresses',
    { ...mapped(tcp), ...connected() },
    { steps: [add, { command: 'CHECK' }] },
  ),
  portmap(
    'two addresses of a family',
    { ...mapped(tcp), ...connected(addressV4, { ...addressV4, address: '10.1.2.3/24' }) },
    oneFamily,
  ),
  portmap('two networks of a pod', oneTcp, {
    steps: [
      add,
      withKeys(add, { name: 'net2', ...mapped({ ...tcp, hostPort: 8081 }) }),
      { command: 'DEL' },
      { command: 'DEL', conf: { name: 'net2' } },
    ],
    differs: ['ports-record', 'no-other-family'],
  }),
  portmap('two interfaces of a pod', oneTcp, {
    steps: [add, eth1(withKeys(add, mapped({ ...tcp, hostPort: 8081 }))), { command: 'DEL' }],
    differs: ['ports-record', 'no-other-family'],
  }),
  portmap('a sandbox that is gone', oneTcp, {
    ...oneFamily,
    steps: steps.map((call) => withEnv(call, { CNI_NETNS: '/run/netns/gone' })),
  }),
  portmap(
    'keys that nobody knows',
    { unknown: 1, capabilities: { portMappings: true }, ...oneTcp },
    oneFamily,
  ),
]
