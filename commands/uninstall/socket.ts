/** What a resident server leaves behind when it is killed: its socket, in a folder of its own. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { hasCode } from '../../lib/base/errors.ts'
import { greetingOf } from '../node/server.ts'
import type { Removal, Say } from './removal.ts'

/** The socket at the path, and its folder when nothing else is there. A server that lives keeps both. */
export function planSocket(socket: string, say: Say): Removal[] {
  if (socket === '') return []
  if (greetingOf(socket) !== undefined) {
    say(
      `keeping ${socket}: a server listens there; stop it: systemctl disable --now flannel-cni, ` +
        'or kubectl -n kube-system delete daemonset flannel-cni-server',
    )
    return []
  }
  const folder = dirname(socket)
  if (!existsSync(socket) && !isEmptyFolder(folder)) return []
  const remove = () => {
    rmSync(socket, { force: true })
    if (isEmptyFolder(folder)) rmdirSync(folder)
  }
  return [{ what: socket, remove }]
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}
