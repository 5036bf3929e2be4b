/** The state that the plugins keep on disk. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { mayBeShared } from '../../ipam/host-local/file-system.ts'
import { footprint as hostLocal } from '../../ipam/host-local/footprint.ts'
import { hasCode } from '../../lib/base/errors.ts'
import { readStateFile } from '../../lib/base/files.ts'
import type { Log } from '../../lib/base/log.ts'
import type { Content, StateFolder } from '../../lib/cni/footprint.ts'
import { folderOf } from '../node/plugin-calls.ts'
import { type Network, networkOfDelegate } from './networks.ts'
import type { Removal, Say } from './removal.ts'
import { planSharedFolder } from './shared-folder.ts'

/** The folders of the networks' state. Files that are not of these networks stay, with theirs. */
export function planState(networks: readonly Network[], say: Say, log: Log): Removal[] {
  const calls = networks.flatMap((network) => network.calls)
  const folders = calls.flatMap((call) => {
    const folder = folderOf(call)
    return folder === undefined ? [] : [{ ...folder, footprint: call.footprint }]
  })
  const byPath = Map.groupBy(folders, ({ path }) => path)
  return [...byPath].flatMap(([path, users]) => {
    if (!existsSync(path)) return []
    const hasMachines = users.some(({ footprint }) => footprint === hostLocal)
    if (hasMachines && mayBeShared(path)) return [planSharedFolder(path, say, log)]
    return [planFolder(path, users, say)]
  })
}

/** The networks whose delegates' configurations are saved in the folders of these. */
export function savedNetworks(networks: readonly Network[]): Network[] {
  const calls = networks.flatMap((network) => network.calls)
  const folders = calls.flatMap((call) => folderOf(call) ?? [])
  const byPath = new Map(folders.map((folder) => [folder.path, folder]))
  return [...byPath.values()].flatMap(({ path, delegateIn }) =>
    fileNames(delegateIn === undefined ? '' : path).flatMap((name) => {
      const conf = delegateIn?.(contentOf(join(path, name)))
      return conf === undefined ? [] : [networkOfDelegate(conf)]
    }),
  )
}

function planFolder(path: string, users: readonly StateFolder[], say: Say): Removal {
  const locks = users.flatMap((user) => user.locks)
  const isOwn = (name: string) => users.some((user) => user.owns(name, contentOf(join(path, name))))
  const remove = () => {
    const names = fileNames(path).filter((name) => !locks.includes(name))
    const own = names.filter(isOwn)
    const others = names.filter((name) => !own.includes(name))
    const removed = others.length > 0 ? own : [...own, ...locks]
    for (const name of removed) rmSync(join(path, name), { force: true, recursive: true })
    if (others.length > 0) say(`kept ${path}, where others have put ${others.join(', ')}`)
    else removeFolder(path)
  }
  return { what: `${path}/`, remove }
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

function contentOf(path: string): Content {
  return () => {
    try {
      return readStateFile(path)
    } catch {
      return undefined // a folder, a link, something large: no state of a plugin
    }
  }
}

function fileNames(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
