/** The names that come from outside and end up in file names or in the kernel. */
import { CniError, ErrorCode } from './errors.ts'

// CNI specification, section 2: letters, digits, `_`, `.` and `-`, the first one alphanumeric.
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** IFNAMSIZ of linux/if.h, without the terminating zero: in bytes. */
const maxIfNameBytes = 15

/** Throws a `CniError` unless the text is a container ID by the specification. */
export function checkContainerId(id: string): void {
  if (id === '') throw new CniError(ErrorCode.unknownContainer, 'missing containerID')
  if (!namePattern.test(id)) {
    throw new CniError(ErrorCode.invalidEnvironment, 'invalid characters in containerID', id)
  }
}

/** Throws a `CniError` unless the text is a network name by the specification. */
export function checkNetworkName(name: string): void {
  if (name === '') throw new CniError(ErrorCode.invalidNetworkConfig, 'missing network name:')
  if (!namePattern.test(name)) {
    const message = 'invalid characters found in network name'
    throw new CniError(ErrorCode.invalidNetworkConfig, message, name)
  }
}

/** Throws a `CniError` unless the kernel would take the text as an interface name. */
export function checkIfName(name: string): void {
  const problem = ifNameProblem(name)
  if (problem !== undefined) throw new CniError(ErrorCode.invalidEnvironment, ...problem)
}

/** What keeps the text from being an interface name: message and details. */
function ifNameProblem(name: string): [msg: string, details?: string] | undefined {
  if (name === '') return ['interface name is empty']
  if (Buffer.byteLength(name) > maxIfNameBytes) {
    return ['interface name is too long', 'interface name should be less than 16 characters']
  }
  if (name === '.' || name === '..') return ['interface name is . or ..', `found ${name}`]
  // U+0085 is white space to Unicode and to Go, but not to JavaScript; U+FEFF the other way round.
  if (/[/:\u0085]/.test(name) || /\s/.test(name.replaceAll('\ufeff', ''))) {
    const message = 'interface name contains / or : or whitespace characters'
    return [message, `found ${JSON.stringify(name)}`]
  }
  return undefined
}
