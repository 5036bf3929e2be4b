import { accessSync, constants, statSync } from 'node:fs'
import { DelegationError, ErrorCode } from './errors.ts'

/** There is no such plugin; with the code that the Go library gives it. */
export class PluginNotFound extends DelegationError {
  constructor(message: string, details: string) {
    super(ErrorCode.internal, message, details)
  }
}

/**
 * The file of the plugin named `type` in the colon-separated directories of CNI_PATH: the first
 * executable regular file (CNI specification, section 2 "Parameters"). Throws a `PluginNotFound` that
 * says where was searched.
 */
export function findPlugin(type: string, path: string): string {
  if (type === '')
    throw new PluginNotFound('no plugin name provided', 'set "type" in the configuration')
  if (type.includes('/')) {
    throw new PluginNotFound(
      `invalid plugin name: ${type}`,
      'a plugin is named by its file name alone',
    )
  }
  const directories = path.split(':').filter((directory) => directory !== '')
  if (directories.length === 0) throw new PluginNotFound('no paths provided', 'set CNI_PATH')
  const candidates = directories.map((directory) => `${directory}/${type}`).filter(isFile)
  const found = candidates.find(isExecutable)
  if (found !== undefined) return found
  const [first] = candidates
  throw new PluginNotFound(
    `failed to find plugin ${JSON.stringify(type)} in path [${directories.join(' ')}]`,
    first === undefined
      ? `install the ${type} plugin in one of these directories, or correct "type" or CNI_PATH`
      : `${first} is not executable: chmod 755 ${first}`,
  )
}

function isFile(file: string): boolean {
  try {
    return statSync(file).isFile()
  } catch {
    return false // missing, unreachable or no possible file name: not here
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false // not being executable is the answer here
  }
}
