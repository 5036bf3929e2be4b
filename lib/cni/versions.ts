/** CNI specification versions: which there are, how they compare, what each allows. */
import { CniError, ErrorCode } from './errors.ts'

/** Every version that the plugins speak, oldest first. */
export const supportedVersions = [
  '0.1.0',
  '0.2.0',
  '0.3.0',
  '0.3.1',
  '0.4.0',
  '1.0.0',
  '1.1.0',
] as const

export type Version = (typeof supportedVersions)[number]

/** The version that answers VERSION, whatever the caller speaks. */
export const currentVersion = '1.1.0' satisfies Version

/** What a configuration without `cniVersion` speaks. */
export const defaultVersion = '0.1.0' satisfies Version

/** Whether the text is exactly one of the supported versions. */
export function isSupported(version: string): version is Version {
  return (supportedVersions as readonly string[]).includes(version)
}

export type VersionNumber = readonly [major: number, minor: number, micro: number]

/**
 * Parses up to three dot-separated numbers, missing ones being zero and the empty text 0.1.0.
 * Throws a `CniError` with code 6 that says which part is no number.
 */
export function parseVersion(version: string): VersionNumber {
  const parts = (version === '' ? defaultVersion : version).split('.')
  if (parts.length > 3) throw malformed(`invalid version "${version}": too many parts`)
  const [major = 0, minor = 0, micro = 0] = parts.map((part, index) => {
    if (/^[+-]?\d+$/.test(part)) return Number(part)
    const name = ['major', 'minor', 'micro'][index]
    throw malformed(
      `failed to convert ${name} version part ${JSON.stringify(part)}: ` +
        `strconv.Atoi: parsing ${JSON.stringify(part)}: invalid syntax`,
    )
  })
  return [major, minor, micro]
}

function malformed(problem: string): CniError {
  const expected = `cniVersion must be one of ${supportedVersions.join(', ')}`
  return new CniError(ErrorCode.decodingFailure, problem, expected)
}

/** Whether `version` is `minimum` or newer; throws as `parseVersion`. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [a, b] = [parseVersion(version), parseVersion(minimum)]
  for (const index of [0, 1, 2] as const) {
    if (a[index] !== b[index]) return a[index] > b[index]
  }
  return true
}
