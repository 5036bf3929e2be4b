/** Which command a configuration's version allows (CNI specification, section 5 "Versions"). */
import { CniError, ErrorCode } from './errors.ts'
import type { PluginCommand } from './plugin.ts'
import {
  defaultVersion,
  isAtLeast,
  isSupported,
  parseVersion,
  supportedVersions,
  type Version,
} from './versions.ts'

/** The first version that has the command. */
const introducedIn: Partial<Record<PluginCommand, Version>> = {
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
}

/**
 * The version to speak for a command: the configuration's own. Throws a `CniError`: code 1 when it
 * is none of ours or does not have the command, code 6 when it is no version at all and the
 * command depends on how new it is.
 */
export function negotiateVersion(command: PluginCommand, configured: string): Version {
  const minimum = introducedIn[command]
  if (minimum !== undefined) checkAllowed(command, configured, minimum)
  const version = configured === '' ? defaultVersion : configured
  if (!isSupported(version)) {
    const known = supportedVersions.map((text) => JSON.stringify(text)).join(' ')
    throw new CniError(
      ErrorCode.incompatibleVersion,
      'incompatible CNI versions',
      `config is ${JSON.stringify(version)}, plugin supports [${known}]`,
    )
  }
  return version
}

/** Its errors have no details: callers compare the whole text with Go's. */
function checkAllowed(command: PluginCommand, configured: string, minimum: Version): void {
  parseVersion(configured)
  if (!isAtLeast(configured, minimum)) {
    throw new CniError(ErrorCode.incompatibleVersion, `config version does not allow ${command}`)
  }
  if (!supportedVersions.some((version) => isAtLeast(version, configured))) {
    throw new CniError(ErrorCode.incompatibleVersion, `plugin version does not allow ${command}`)
  }
}
