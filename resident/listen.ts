/** The socket of the resident server. */
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { dirname } from 'node:path'
import { getBuiltinModule } from 'node:process'
import { errorText, hasCode } from '../lib/base/errors.ts'
import { makeFolder } from '../lib/base/files.ts'
import { CniError, ErrorCode } from '../lib/cni/errors.ts'

/**
 * Has the server listen on a socket at the path, which only root can reach. A socket that a dead
 * server left is replaced. Throws a `CniError` when a server answers there, when the folder is not
 * root's alone, and when the path is too long.
 */
export async function listen(server: Server, path: string): Promise<void> {
  requireShort(path)
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

function requireShort(path: string): void {
  const most = 107 // unix(7): 108 with its NUL
  const length = Buffer.byteLength(path)
  if (length <= most) return
  throw new CniError(
    ErrorCode.ioFailure,
    `${path} has ${length} bytes, and the path of a socket at most ${most}`,
    'name a shorter one: cni serve --socket PATH',
  )
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
