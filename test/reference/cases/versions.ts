/** Every version of the specification, and what is none. */
import type { Call, Case } from '../case.ts'
import {
  add,
  bridge,
  check,
  del,
  hostLocal,
  layer2,
  loopback,
  subnets,
  v4,
  v6,
  withKeys,
} from './builders.ts'

const versions = [undefined, '', '0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']
/** The Go plugins are asked in their newest version for what ours are in the one behind it. */
const rest = (version: string | undefined) =>
  version === '1.1.0' ? { goConf: { cniVersion: '1.0.0' }, differs: ['version-1.1'] } : {}

const lists = {
  ranges: [[{ subnet: v4 }], [{ subnet: v6 }]],
  routes: [{ dst: '10.96.0.0/12' }, { dst: '::/0', gw: 'fd00::9' }],
}
const newer = (call: Call) => [
  withKeys(call, { cniVersion: '1.2.0' }),
  withKeys(call, { cniVersion: '2.0.0' }),
]
const garbage = ['abc', '1', '1.0', '1.0.0.0', 'v1.0.0', '1.0.0 ', '0.0.0', '-1.0.0', '1..0']

export const versionCases: readonly Case[] = [
  ...versions.map((cniVersion) =>
    hostLocal(`cniVersion ${JSON.stringify(cniVersion)}`, lists, {
      keys: { cniVersion },
      ...rest(cniVersion),
    }),
  ),
  ...versions.map((cniVersion) =>
    bridge(
      `cniVersion ${JSON.stringify(cniVersion)}`,
      {
        cniVersion,
        isDefaultGateway: true,
        ipam: subnets(v4, v6),
      },
      rest(cniVersion),
    ),
  ),
  ...versions.map((cniVersion) =>
    loopback(
      `cniVersion ${JSON.stringify(cniVersion)}`,
      { cniVersion },
      {
        ...(cniVersion?.startsWith('0') && { differs: ['real-shape'] }),
        ...rest(cniVersion),
      },
    ),
  ),
  hostLocal('versions to come', lists, {
    steps: [add, check, del].flatMap(newer),
    differs: ['version-1.1/details'],
  }),
  hostLocal('no versions', lists, {
    steps: [add, del].flatMap((call) =>
      garbage.map((cniVersion) => withKeys(call, { cniVersion })),
    ),
    differs: ['version-1.1'],
  }),
  hostLocal('CHECK of no versions', lists, {
    differs: ['version-1.1'],
    steps: garbage.map((cniVersion) => withKeys(check, { cniVersion })),
  }),
  ...['GC', 'STATUS'].map((command) =>
    hostLocal(`${command}, which came with 1.1.0`, lists, {
      steps: ['0.4.0', '1.0.0', '1.1.0', 'abc'].map((cniVersion) => ({
        command,
        conf: { cniVersion },
      })),
      differs: ['gc-and-status'],
    }),
  ),
  hostLocal('other versions for one attachment', lists, {
    steps: [
      withKeys(add, { cniVersion: '0.3.1' }),
      withKeys(check, { cniVersion: '0.4.0', prevResult: undefined }),
      withKeys(del, { cniVersion: '0.1.0', prevResult: undefined }),
    ],
  }),
  ...['0.3.0', '0.3.1', '0.4.0'].map((cniVersion) =>
    layer2(
      `a layer-2 network with ${cniVersion}`,
      { cniVersion },
      { differs: cniVersion === '0.4.0' ? ['moving-mac', 'layer-2-check'] : ['moving-mac'] },
    ),
  ),
  bridge(
    'several addresses of a family',
    { isGateway: true, ipam: subnets(v4, '10.1.3.0/24') },
    { steps: [add], differs: ['two-gateways'] },
  ),
]
