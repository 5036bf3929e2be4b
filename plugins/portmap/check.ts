import { nameOf } from '../../lib/cni/attachment.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Request } from '../../lib/cni/plugin.ts'
import { detectBackend } from '../../lib/firewall/backend.ts'
import type { FirewallBackend } from '../../lib/firewall/firewall.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { type Cidr, family } from '../../lib/ip/ip.ts'
import { forwardingOf, ownerOf, siblingsOf } from './attachments.ts'
import { backends } from './backends.ts'
import type { PortmapConf } from './conf.ts'
import { type Claim, isSameOwner, type Owner } from './forwarding.ts'
import { formatHostPort, overlap, type PortMapping } from './mapping.ts'
import type { Records } from './records.ts'
import { findTraces } from './traces.ts'

/** Throws a `CniError` unless every rule of the attachment is there, and none before it. */
export function checkForwarding(
  request: Request,
  conf: PortmapConf,
  addresses: readonly Cidr[],
  records: Records,
  tools: Tools,
): void {
  const name = nameOf(request)
  const owner = ownerOf(name)
  const { here } = siblingsOf(name, records.list())
  const backend = records.find(name)?.backend ?? conf.backend ?? usedBackend(owner, tools)
  const attachment = { ...name, addresses, mappings: conf.mappings }
  for (const { ip } of addresses) {
    const of = family(ip)
    const forwarding = forwardingOf(of, conf, [attachment, ...here])
    if (forwarding === undefined) continue
    const rules = backends[backend].list(tools, of, forwarding)
    rules.check(forwarding)
    checkFirst(owner, conf.mappings, rules.claims)
  }
}

/** The backend that the rules of a container that is not recorded were made with. */
function usedBackend(owner: Owner, tools: Tools): FirewallBackend {
  const [place] = findTraces(owner)
  return place?.backend ?? detectBackend(tools)
}

function checkFirst(
  owner: Owner,
  mappings: readonly PortMapping[],
  claims: readonly Claim[],
): void {
  for (const mapping of mappings) {
    const first = claims.find((claim) => overlap(mapping, claim))
    if (first === undefined || isSameOwner(first.owner, owner)) continue
    throw new CniError(
      ErrorCode.internal,
      `host port ${formatHostPort(mapping)} leads to container ${first.owner.containerId}`,
      'its rule comes first; if that container is gone, GC removes the rule',
    )
  }
}
