/** The result of the previous plugin in the chain, or of the ADD (CNI specification, section 3). */
import { fullText } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { CniError, ErrorCode, withPrefix } from './errors.ts'
import type { NetConf } from './plugin.ts'
import { decodeResult, sameShape, shapeOf } from './result-decode.ts'
import type { Result } from './result.ts'
import { isSupported } from './versions.ts'

/**
 * The `prevResult` of a configuration, or undefined when it has none. Throws a `CniError` with
 * code 7 when it is no result, or one of a shape that the configuration's version does not have.
 */
export function parsePrevResult(conf: NetConf): Result | undefined {
  const { prevResult, cniVersion } = conf
  if (prevResult === undefined || prevResult === null) return undefined
  return withPrefix('could not parse prevResult: ', () => {
    const { result } = decodeResult(checkShape(prevResult, conf), cniVersion)
    return result
  })
}

/** The same, for commands that cannot do without: throws when there is none. */
export function requirePrevResult(conf: NetConf): Result {
  const result = parsePrevResult(conf)
  if (result === undefined) {
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      'Required prevResult missing',
      'the runtime passes the result of the ADD as prevResult of the configuration',
    )
  }
  return result
}

/** The same, for DEL: one that cannot be read is logged and counts as missing. */
export function prevResultForCleanup(conf: NetConf, log: Log): Result | undefined {
  try {
    return parsePrevResult(conf)
  } catch (error) {
    log.warn(`going on without prevResult: ${fullText(error)}`)
    return undefined
  }
}

function checkShape(prevResult: unknown, { cniVersion }: NetConf): unknown {
  const inner = isObject(prevResult) ? (prevResult['cniVersion'] ?? '') : ''
  const fits =
    inner === '' ||
    (typeof inner === 'string' && isSupported(inner) && sameShape(inner, cniVersion))
  if (fits) return prevResult
  throw new CniError(
    ErrorCode.invalidNetworkConfig,
    `result type supports ${shapeOf(cniVersion)} but unmarshalled CNIVersion is ` +
      JSON.stringify(inner),
    `prevResult must be in the cniVersion of the configuration, ${cniVersion}`,
  )
}
