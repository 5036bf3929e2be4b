/** The socket of the resident server. */
import { chmodSync, lstatSync, rmSync, type Stats } from 'node:fs'
import type { Server } from 'node:net'
import { dirname } from 'node:path'
import { getBuiltinModule } from 'node:process'
import { errorText, hasCode } from '../lib/base/errors.ts'
import { makeFolder } from '../lib/base/files.ts'
import { CniError, ErrorCode } from '../lib/cni/errors.ts'

/**
 * Has the server listen on a socket at the path, which only root can reach. A socket that a dead
 * server left is replaced. Throws a `CniError` when a server answers there, when the folder is not
 * root's alone, and when no socket can be at the path.
 */
export async function listen(server: Server, path: string): Promise<void> {
  checkSocketPath(path)
  const folder = dirname(path)
  makeFolder(folder, 0o700)
  requirePrivate(folder)
  if (await isAnswered(path)) {
    throw new CniError(
      ErrorCode.ioFailure,
      `a server answers on ${path} already`,
      'stop that first, or name another socket: cni serve --socket PATH',
    )
  }
  rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path, backlog: 4096 }, resolve)
  })
  chmodSync(path, 0o600)
}

/**
 * Throws a `CniError` unless a server can listen at the path: one that is too long cannot be a
 * socket's, and whatever stands there but a socket is somebody else's and would be replaced.
 */
export function checkSocketPath(path: string): void {
  const refuse = (message: string, remedy: string, cause?: unknown) => {
    const details = `${remedy}: cni serve --socket PATH`
    throw new CniError(ErrorCode.ioFailure, message, details, { cause })
  }
  const most = 107 // unix(7): 108 with its NUL
  const length = Buffer.byteLength(path)
  if (length > most) {
    refuse(
      `${path} has ${length} bytes, and the path of a socket at most ${most}`,
      'name a shorter one',
    )
  }
  let found: Stats | undefined
  try {
    found = lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    refuse(`cannot listen on ${path}: ${errorText(error)}`, 'name another path', error)
  }
  if (found?.isSocket() === false) refuse(`${path} is no socket`, 'name another path')
}

function requirePrivate(folder: string): void {
  const { uid, mode } = lstatSync(folder)
  if (uid === 0 && (mode & 0o022) === 0) return
  throw new CniError(
    ErrorCode.ioFailure,
    `${folder} belongs to user ${uid} and has mode ${(mode & 0o777).toString(8)}`,
    'whoever writes there could take the place of the server: want a folder of root, mode 700',
  )
}

/** Whether a process listens on the socket at the path. */
function isAnswered(path: string): Promise<boolean> {
  const net = getBuiltinModule('node:net')
  return new Promise((resolve, reject) => {
    const socket = net.connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', (error) => {
      if (hasCode(error, 'ENOENT', 'ECONNREFUSED')) return resolve(false)
      reject(new CniError(ErrorCode.ioFailure, `connecting to ${path}: ${errorText(error)}`))
    })
  })
}
