/** What came to the bridge plugin after the version that Debian has. */
import type { Case } from '../case.ts'
import { add, bridge, check, del, pinnedBridge, subnets, v4, v6 } from './builders.ts'

const gateway = { isGateway: true, ipam: subnets(v4) }

export const bridgeNewerCases: readonly Case[] = [
  bridge('portIsolation', { portIsolation: true, ...gateway }, { differs: ['port-isolation'] }),
  bridge('portIsolation false', { portIsolation: false, ...gateway }),
  bridge(
    'disableContainerInterface',
    { disableContainerInterface: true },
    {
      setUp: pinnedBridge,
      steps: [add, check, del],
      differs: ['interface-down', 'layer-2-check'],
    },
  ),
  bridge(
    'disableContainerInterface and ipam',
    { disableContainerInterface: true, ...gateway },
    {
      steps: [add],
      differs: ['interface-down'],
    },
  ),
  bridge('preserveDefaultVlan', { preserveDefaultVlan: true, ...gateway }),
  bridge('an empty vlanTrunk', { vlanTrunk: [], ...gateway }),
  ...[{ id: 0 }, { id: 4095 }, { minID: 5 }, { maxID: 5 }, { minID: 6, maxID: 5 }].map((entry) =>
    bridge(
      `vlanTrunk ${JSON.stringify(entry)}`,
      { vlanTrunk: [entry], ...gateway },
      { steps: [add], differs: ['vlan-trunk'] },
    ),
  ),
  bridge(
    'an ipMasqBackend that is none',
    { ipMasq: true, ipMasqBackend: 'ipfw', ...gateway },
    { steps: [add], differs: ['nftables-backend'] },
  ),
  bridge('ipMasqBackend iptables', { ipMasq: true, ipMasqBackend: 'iptables', ...gateway }),
  bridge(
    'ipMasqBackend nftables',
    { ipMasq: true, ipMasqBackend: 'nftables', ...gateway, ipam: subnets(v4, v6) },
    {
      differs: ['nftables-backend'],
    },
  ),
]
