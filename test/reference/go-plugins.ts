/** The Go plugins, which Debian's package containernetworking-plugins has. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { missingProgram } from '../../scripts/lab/run.ts'

/** The folder of their executables. */
export const goDir = '/usr/lib/cni'

/** Why nothing can be compared with them here, for the `skip` option; false when it can. */
export function referenceSkip(): string | false {
  const missing = !existsSync(join(goDir, 'bridge')) && 'containernetworking-plugins is missing'
  return missing || kernelSkip() || missingProgram('nft', 'iptables', 'ip6tables')
}
