/**
 * `cni install`: puts the executables and the network configuration where a runtime finds them,
 * which may be folders of the host that an init container has mounted. It can be repeated, and
 * interrupted: a runtime that calls plugins meanwhile finds whole ones, old or new.
 */
import { errorText } from '../../lib/base/errors.ts'
import { readStamp } from '../../lib/base/stamp.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { greeting } from '../../resident/protocol.ts'
import { greetingOf, restartRemedy } from '../node/server.ts'
import type { InstallSource, Package } from '../package.ts'
import type { InstallSettings } from '../settings.ts'
import { installConflist, loadConflist, missingPlugins } from './conflist.ts'
import { installExecutables } from './executables.ts'
import { lockFolder } from './lock.ts'
import { prepareFolder } from './prepare-folder.ts'
import { verifyExecutable } from './verify.ts'

/**
 * Installs, and says with `say` what it does, a line at a time. The configuration comes last: when
 * a runtime sees it, what it calls is there. Throws a `CniError` with the remedy.
 */
export function install(
  source: InstallSource,
  settings: InstallSettings,
  say: (line: string) => void,
): void {
  const { binDir, confDir, socket } = settings
  requirePackaged(source)
  const conflist = loadConflist(settings)
  prepareFolder(binDir)
  prepareFolder(confDir)
  using _lock = lockFolder(binDir)
  const { names, replaced } = installExecutables(source, binDir, say)
  for (const name of names) verifyExecutable(binDir, name)
  if (names.length > 0) say(`verified: ${names.join(', ')} in ${binDir} start and answer`)
  installConflist(conflist, confDir, say)
  if (source.readFront() === undefined) {
    say('this build has no front: plugins are the Node executable, and cni serve gets no calls')
  }
  for (const problem of missingPlugins(conflist, binDir)) say(`warning: ${problem}`)
  const found = greetingOf(socket)
  const isOld = replaced.length > 0 || found !== greeting(source.version)
  if (found !== undefined && isOld) say(`warning: ${oldServer(socket)}`)
}

function oldServer(socket: string): string {
  return (
    `the server on ${socket} is the one from before; while it has another version it gets no ` +
    `calls, and each of them starts Node: ${restartRemedy}`
  )
}

/** From source the executable is Node: there is nothing that could be installed. */
function requirePackaged({ executable, version }: Package): void {
  if (stampOf(executable) === version) return
  throw new CniError(
    ErrorCode.ioFailure,
    `${executable} is not the packaged executable`,
    'build it with make, and call dist/bin/cni install',
  )
}

function stampOf(executable: string): string | undefined {
  try {
    return readStamp(executable)
  } catch (error) {
    const message = `cannot read what is to be installed: ${errorText(error)}`
    throw new CniError(ErrorCode.ioFailure, message, '', { cause: error })
  }
}
