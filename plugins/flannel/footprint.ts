/** What the flannel plugin leaves on a node: the configurations that it has called its delegate with. */
import { isObject } from '../../lib/base/json.ts'
import { createLog } from '../../lib/base/log.ts'
import type { Footprint } from '../../lib/cni/footprint.ts'
import type { NetConf } from '../../lib/cni/plugin.ts'
import { currentVersion } from '../../lib/cni/versions.ts'
import { type FlannelConf, parseForCleanup } from './conf.ts'
import { buildCleanupConf } from './delegate-conf.ts'
import { isSavedFileName, isSavedText, networkOfSaved } from './saved-file.ts'

export const footprint: Footprint = {
  plugin: 'flannel',

  delegate(conf) {
    // What an ADD adds, the lease, says nothing about where the delegate keeps what.
    return { ...parse(buildCleanupConf(read(conf), []).stdin), name: conf.name, ...version }
  },

  folder(conf) {
    return {
      path: read(conf).dataDir,
      locks: [],
      owns(name, content) {
        return isSavedFileName(name) && isSavedText(content())
      },
      delegateIn(content) {
        const text = content() ?? ''
        const name = networkOfSaved(text)
        return name === undefined ? undefined : { ...parse(text), name, ...version }
      },
    }
  },
}

const version = { cniVersion: currentVersion } as const

/** What is wrong in a configuration counts as missing, as for a DEL: that is what has to be found. */
function read(conf: NetConf): FlannelConf {
  const silent = createLog('', 'warn', () => undefined)
  return parseForCleanup({ command: 'DEL', conf, configuredVersion: conf.cniVersion }, silent)
}

function parse(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  return isObject(value) ? value : {}
}
