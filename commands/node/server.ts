/** The resident server of this node, as a front finds it. */
import { accessSync, constants } from 'node:fs'
import { hasCode } from '../../lib/base/errors.ts'
import { close, recv, waitReadable } from '../../lib/linux/libc.ts'
import { connectUnix } from '../../lib/linux/unix-socket.ts'
import { declined, greeting } from '../../resident/protocol.ts'

/** A server greets at once; one that is busy takes a moment. */
const timeoutMs = 1000

/** A greeting is shorter than this, in bytes. */
const maxLength = 64

/** No server listens at a path longer than this, in bytes (unix(7)). */
const maxPath = 107

/**
 * What the server says first that listens at the path: empty when it says nothing within a second.
 * Undefined when there is none, or none that this user may ask. Throws a `SyscallError`.
 */
export function greetingOf(path: string): string | undefined {
  if (path === '' || Buffer.byteLength(path) > maxPath) return undefined
  try {
    return receiveGreeting(path)
  } catch (error) {
    if (hasCode(error, 'EAGAIN', 'ECONNRESET')) return '' // too many wait for it; it has just died
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'EACCES', 'ELOOP')) return undefined
    throw error
  }
}

function receiveGreeting(path: string): string {
  const fd = connectUnix(path)
  try {
    const buffer = Buffer.alloc(maxLength)
    return waitReadable(fd, timeoutMs) ? buffer.toString('latin1', 0, recv(fd, buffer, 0)) : ''
  } finally {
    close(fd)
  }
}

/** What makes a server of this node that of the executables that are installed. */
export const restartRemedy =
  'restart it: systemctl restart flannel-cni, or ' +
  'kubectl -n kube-system rollout restart daemonset flannel-cni-server'

/** A line about the server that fronts of this version find at the path. */
export function describeServer(path: string, version: string): string {
  if (path === '') return 'resident server: not asked for, FLANNEL_CNI_SOCKET is empty'
  if (!isInSight(path))
    return `resident server: only root may ask the one on ${path}, if there is one`
  return `resident server: ${describeGreeting(greetingOf(path), version)} on ${path}`
}

/** False when this user may not enter the folder, or may not connect. */
function isInSight(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch (error) {
    return !hasCode(error, 'EACCES')
  }
}

function describeGreeting(found: string | undefined, version: string): string {
  switch (found) {
    case undefined:
      return 'none'
    case greeting(version):
      return 'of this version'
    case '':
      return 'one that does not answer, and gets no calls,'
    case declined:
      return 'one that takes no calls from here'
    default:
      return `one of another version (${found.trim()}), which gets no calls,`
  }
}
