/** Configurations that the bridge plugin refuses. */
import type { Case } from '../case.ts'
import { add, bridge, check, del, subnets, v4, withEnv, withKeys } from './builders.ts'

const gateway = { isGateway: true, ipam: subnets(v4) }
const wrongTypes = [
  ...[{ mtu: '1400' }, { mtu: 1400.5 }, { vlan: '5' }, { bridge: 5 }, { isGateway: 'yes' }],
  ...[{ isDefaultGateway: 0 }, { forceAddress: {} }, { ipMasq: 1 }, { promiscMode: [] }],
  ...[{ hairpinMode: 'on' }, { macspoofchk: 1 }, { ipam: 'host-local' }, { ipam: { type: 5 } }],
  ...[{ dns: [] }, { dns: { nameservers: '10.96.0.10' } }, { runtimeConfig: { mac: 5 } }],
  ...[{ args: { cni: { mac: {} } } }],
]
const mistake = ['configuration-mistake', 'mistake-in-time']

export const bridgeErrorCases: readonly Case[] = [
  bridge('vlan 100', { ...gateway, vlan: 100 }, { steps: [add] }),
  ...[-1, 4095, 70000].map((vlan) =>
    bridge(
      `vlan ${vlan}`,
      { ...gateway, vlan },
      { steps: [add, check, del], differs: ['configuration-mistake'] },
    ),
  ),
  bridge(
    'hairpinMode and promiscMode',
    { ...gateway, hairpinMode: true, promiscMode: true },
    { steps: [add, del], differs: ['configuration-mistake', 'full-stop', 'no-folder'] },
  ),
  ...[add, check, del].map((call) =>
    bridge(`keys of the wrong type in ${call.command}`, gateway, {
      steps: wrongTypes.map((keys) => withKeys(call, keys)),
      kernel: 'after the last step',
      differs: ['configuration-mistake', 'wrong-type'],
    }),
  ),
  ...['', '.', '..', 'a/b', 'a b', 'abcdefghijklmnop'].map((name) =>
    bridge(
      `bridge ${JSON.stringify(name)}`,
      { ...gateway, bridge: name },
      { steps: [add, del], differs: [...mistake, 'no-folder'] },
    ),
  ),
  ...['zz', '0a:58:0a:01:02', '01:00:5e:00:00:01', '00:00:00:00:00:00'].map((mac) =>
    bridge(
      `mac ${mac}`,
      { ...gateway, runtimeConfig: { mac } },
      { steps: [add, del], differs: [...mistake, 'rollback', 'no-folder'] },
    ),
  ),
  bridge('mtu -1', { ...gateway, mtu: -1 }, { steps: [add], differs: ['negative-mtu'] }),
  ...[10, 67].map((mtu) =>
    bridge(`mtu ${mtu}`, { ...gateway, mtu }, { steps: [add, del], differs: ['no-folder'] }),
  ),
  bridge(
    'mtu 70000',
    { ...gateway, mtu: 70000 },
    { steps: [add, del], differs: [...mistake, 'no-folder'] },
  ),
  ...[add, check, del].map((call) =>
    bridge(`CNI_ARGS that are none in ${call.command}`, gateway, {
      steps: ['MAC', 'a=b', 'IgnoreUnknown=x', ';'].map((args) =>
        withEnv(call, { CNI_ARGS: args }),
      ),
      kernel: 'after the last step',
      differs: ['cni-args'],
    }),
  ),
  bridge('MAC of CNI_ARGS that is none', gateway, {
    steps: [add, del].map((call) => withEnv(call, { CNI_ARGS: 'IgnoreUnknown=1;MAC=zz' })),
    differs: [...mistake, 'rollback', 'no-folder'],
  }),
  ...['0.1.0', '0.2.0'].map((cniVersion) =>
    bridge(
      `a network without addresses with ${cniVersion}`,
      { cniVersion },
      { steps: [add, del], differs: ['configuration-mistake', 'rollback'] },
    ),
  ),
]
