/** What the portmap plugin leaves on a node. */
import type { Footprint } from '../../lib/cni/footprint.ts'
import type { NetConf } from '../../lib/cni/plugin.ts'
import { canonicalize } from '../../lib/cni/schema.ts'
import { confSchema } from './conf-schema.ts'
import { cleanupConf } from './conf.ts'
import { hooks, masqueradeChain, setMarkChain, sharedChain } from './iptables-rules.ts'
import { lockFile } from './lock.ts'
import { tableName } from './nftables-rules.ts'
import { parseRecordName } from './records.ts'

export const footprint: Footprint = {
  plugin: 'portmap',

  folder(conf) {
    return {
      path: cleanupConf({ conf: spelled(conf) }).dataDir,
      locks: [lockFile],
      owns: (name) => parseRecordName(name)?.network === conf.name,
    }
  },

  tables: [
    { family: 4, name: tableName },
    { family: 6, name: tableName },
  ],
  chains: {
    entry: sharedChain,
    names: [sharedChain, setMarkChain, masqueradeChain],
    hooks,
    prefix: 'CNI-HOSTPORT-',
  },
}

/** The configuration with its keys in the spelling that is read. */
function spelled(conf: NetConf): NetConf {
  return canonicalize(confSchema.schema, conf) as NetConf // an object stays one, with its name
}
