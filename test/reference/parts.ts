/** Every case, by the test file that runs it. */
import type { Case } from './case.ts'
import { bridgeAddressCases } from './cases/bridge-addresses.ts'
import { bridgeCheckCases } from './cases/bridge-check.ts'
import { bridgeErrorCases } from './cases/bridge-errors.ts'
import { bridgeFirewallCases } from './cases/bridge-firewall.ts'
import { bridgeKeyCases } from './cases/bridge-keys.ts'
import { bridgeLifeCases } from './cases/bridge-lives.ts'
import { bridgeNewerCases } from './cases/bridge-newer.ts'
import { environmentCases } from './cases/environment.ts'
import { flannelCommandCases } from './cases/flannel-commands.ts'
import { flannelConfCases } from './cases/flannel-conf.ts'
import { hostLocalErrorCases } from './cases/host-local-errors.ts'
import { rangeCases } from './cases/host-local-ranges.ts'
import { requestCases } from './cases/host-local-requests.ts'
import { storeCases } from './cases/host-local-store.ts'
import { loopbackCases } from './cases/loopback.ts'
import { portmapPortCases } from './cases/portmap-ports.ts'
import { portmapCases } from './cases/portmap.ts'
import { stdinCases } from './cases/stdin.ts'
import { versionCases } from './cases/versions.ts'

/** Each takes a few seconds: where processors are scarce, none runs out of time. */
export const parts = {
  protocol: [...environmentCases, ...stdinCases, ...loopbackCases],
  versions: versionCases,
  'host-local-conf': [...hostLocalErrorCases, ...requestCases],
  'host-local-store': [...rangeCases, ...storeCases],
  'bridge-keys': bridgeKeyCases,
  'bridge-addresses': [...bridgeAddressCases, ...bridgeCheckCases],
  'bridge-lives': bridgeLifeCases,
  'bridge-errors': [...bridgeErrorCases, ...bridgeNewerCases],
  firewall: bridgeFirewallCases,
  'flannel-conf': flannelConfCases,
  'flannel-commands': flannelCommandCases,
  portmap: [...portmapCases, ...portmapPortCases],
} as const satisfies Record<string, readonly Case[]>

export type Part = keyof typeof parts

export const cases: readonly Case[] = Object.values(parts).flat()
