/**
 * What the front executable (resident/front.c) and the resident server say to each other, on a Unix
 * stream socket, one call for each connection:
 *
 * 1. The server greets with its name and version. A front of another version does the work alone.
 * 2. The front sends the name it was called by and the environment, each string with a NUL behind
 *    it, an empty string, then stdin and one more NUL, by which a whole call is told from one of a
 *    front that was killed; and shuts its side down.
 * 3. The server sends a line with the exit code and the lengths of stdout and stderr in bytes, and
 *    then both; or `declined`, when it has not begun with the call and will not. Anything else, or
 *    less, means that the call was begun and lost. It does not wait for stdin when that is not read.
 */
import type { Environment } from '../lib/base/environment.ts'

/** Where the server is unless something else is said. */
export const defaultSocket = '/run/flannel-cni/cni.sock'

/** The variable that names another socket, to a front; empty when it is to ask no server. */
export const socketVariable = 'FLANNEL_CNI_SOCKET'

/** What a server says first. */
export function greeting(version: string): string {
  return `flannel-ts v${version}\n`
}

/** What a server says to a call that it has not begun, and will not. */
export const declined = 'declined\n'

/** What a front says of a call before its stdin. */
export interface CallHead {
  /** The name that the front was called by: a plugin's. */
  readonly name: string
  readonly env: Environment
  /** So many bytes it took. */
  readonly length: number
}

/** A call's stdin as a front passes it on. */
export interface PassedStdin {
  readonly stdin: Buffer
  /** Whether it is all there. */
  readonly isWhole: boolean
}

export interface Answer {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** How the call begins that the bytes are, or undefined when they end before its stdin begins. */
export function decodeHead(bytes: Buffer): CallHead | undefined {
  const end = bytes.indexOf('\0\0')
  if (end === -1) return undefined
  const [name = '', ...variables] = bytes.toString('utf8', 0, end).split('\0')
  return { name, env: decodeEnvironment(variables), length: end + 2 }
}

/** The stdin that the bytes behind a head are. */
export function decodeStdin(bytes: Buffer): PassedStdin {
  const isWhole = bytes.at(-1) === 0
  return { stdin: isWhole ? bytes.subarray(0, -1) : bytes, isWhole }
}

/** Of a variable that is there twice the first counts, as for getenv(3). */
function decodeEnvironment(variables: readonly string[]): Environment {
  const pairs = variables.flatMap((text) => {
    const equals = text.indexOf('=')
    return equals > 0 ? [[text.slice(0, equals), text.slice(equals + 1)] as const] : []
  })
  return Object.fromEntries(pairs.toReversed())
}

/** The bytes of an answer. */
export function encodeAnswer({ exitCode, stdout, stderr }: Answer): Buffer {
  const [out, err] = [Buffer.from(stdout), Buffer.from(stderr)]
  return Buffer.concat([Buffer.from(`${exitCode} ${out.length} ${err.length}\n`), out, err])
}
