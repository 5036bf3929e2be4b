/** Whether an installed executable works. */
import { join } from 'node:path'
import { execute, type Execution } from '../../lib/base/exec.ts'
import { isObject } from '../../lib/base/json.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { socketVariable } from '../../resident/protocol.ts'

/** It answers within a tenth of a second; a disk that is busy takes longer to read it. */
const timeoutMs = 30_000

/** A server could answer for a front that has nothing to execute. */
const withoutServer = { [socketVariable]: '' }

/**
 * Throws a `CniError` unless the executable of this name starts and answers: a plugin to VERSION
 * (CNI specification, section 2), `cni` to its command `version`.
 */
export function verifyExecutable(folder: string, name: string): void {
  const file = join(folder, name)
  if (name === 'cni') {
    check(file, execute(file, ['version'], { input: '', env: withoutServer, timeoutMs }), isText)
  } else {
    const env = { ...withoutServer, CNI_COMMAND: 'VERSION' }
    check(file, execute(file, [], { input: '', env, timeoutMs }), isVersionInfo)
  }
}

function check(file: string, execution: Execution, accept: (stdout: string) => boolean): void {
  const { stdout, stderr, failure } = execution
  if (failure === undefined && accept(stdout)) return
  const said = [stdout, stderr].map((text) => text.trim()).filter((text) => text !== '')
  throw new CniError(
    ErrorCode.ioFailure,
    `${file} does not work: ${failure?.text ?? 'it does not answer as it should'}`,
    [
      ...said.map((text) => `it said ${JSON.stringify(text.slice(0, 500))}`),
      'it needs glibc 2.28 or newer, libstdc++ and libatomic (Debian: apt-get install libstdc++6 ' +
        'libatomic1), and a file system that is not mounted noexec',
    ].join('; '),
  )
}

function isText(stdout: string): boolean {
  return stdout !== ''
}

function isVersionInfo(stdout: string): boolean {
  try {
    const answer: unknown = JSON.parse(stdout)
    return isObject(answer) && Array.isArray(answer['supportedVersions'])
  } catch {
    return false // it is no JSON, and the error shows what it is
  }
}
