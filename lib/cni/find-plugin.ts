import { accessSync, constants, statSync } from 'node:fs'
import { DelegationError, ErrorCode } from './errors.ts'

/**
 * The file of the plugin named `type` in the colon-separated directories of CNI_PATH: the first
 * executable regular file (CNI specification, section 2 "Parameters"). Throws a `DelegationError`
 * that says where was searched.
 */
export function findPlugin(type: string, path: string): string {
  if (type === '') throw notFound('no plugin name provided', 'set "type" in the configuration')
  if (type.includes('/')) {
    throw notFound(`invalid plugin name: ${type}`, 'a plugin is named by its file name alone')
  }
  const directories = path.split(':').filter((directory) => directory !== '')
  if (directories.length === 0) throw notFound('no paths provided', 'set CNI_PATH')
  const candidates = directories.map((directory) => `${directory}/${type}`).filter(isFile)
  const found = candidates.find(isExecutable)
  if (found !== undefined) return found
  const [first] = candidates
  throw notFound(
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

function notFound(message: string, details: string): DelegationError {
  return new DelegationError(ErrorCode.internal, message, details)
}
