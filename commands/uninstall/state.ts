/** The state that the plugins keep on disk. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../../lib/base/errors.ts'
import { readStateFile } from '../../lib/base/files.ts'
import { parseIp } from '../../lib/ip/ip.ts'
import { inspectSavedFile } from '../../plugins/flannel/saved-file.ts'
import { type FlannelNetwork, networkOfSaved } from './flannel-networks.ts'
import type { Removal, Say } from './removal.ts'

/** What plugins lock; others may hold it as long as anything of theirs is in the folder. */
const locks: readonly string[] = ['lock', 'lock.lock']

/** The folders of the networks' state. Files that are not of these networks stay, with theirs. */
export function planState(networks: readonly FlannelNetwork[], say: Say): Removal[] {
  const saved = new Set(networks.map(({ savedDir }) => savedDir))
  const stores = new Set(networks.map(({ networksDir, name }) => join(networksDir, name)))
  const records = new Set(networks.flatMap(({ portmapDir }) => portmapDir ?? []))
  const isRecord = (_folder: string, name: string) => isRecordOf(networks, name)
  return [
    ...[...saved].flatMap((folder) => planFolder(folder, isSavedConf, say)),
    ...[...stores].flatMap((folder) => planFolder(folder, isHostLocalFile, say)),
    ...[...records].flatMap((folder) => planFolder(folder, isRecord, say)),
  ]
}

/** The networks whose delegates' configurations are saved in the folder. */
export function savedNetworks(savedDir: string): FlannelNetwork[] {
  return fileNames(savedDir).flatMap((name) => readSaved(savedDir, name))
}

function readSaved(savedDir: string, name: string): FlannelNetwork[] {
  try {
    return networkOfSaved(readStateFile(join(savedDir, name)), savedDir)
  } catch {
    return [] // a folder, a link, something large: no saved configuration
  }
}

function planFolder(
  folder: string,
  isOurs: (folder: string, name: string) => boolean,
  say: Say,
): Removal[] {
  if (!existsSync(folder)) return []
  const remove = () => {
    const names = fileNames(folder).filter((name) => !locks.includes(name))
    const ours = names.filter((name) => isOurs(folder, name))
    const others = names.filter((name) => !ours.includes(name))
    const removed = others.length > 0 ? ours : [...ours, ...locks]
    for (const name of removed) rmSync(join(folder, name), { force: true, recursive: true })
    if (others.length > 0) say(`kept ${folder}, where others have put ${others.join(', ')}`)
    else removeFolder(folder)
  }
  return [{ what: `${folder}/`, remove }]
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/** The configuration of a delegate, or what an interrupted save of one left. */
function isSavedConf(folder: string, name: string): boolean {
  return inspectSavedFile(folder, name) !== undefined
}

/** An address, a last address, `.<containerID> <interface>`, or what is on its way to be one. */
function isHostLocalFile(_folder: string, name: string): boolean {
  const isOther = /^(?:last_reserved_ip\.\d+|\.[a-zA-Z0-9][\w.-]* \S*|\.new-[\da-f]+)$/.test(name)
  return isOther || parseIp(name) !== undefined
}

/** `<network>:<containerID>:<interface>`, as portmap names its records. */
function isRecordOf(networks: readonly FlannelNetwork[], file: string): boolean {
  const [network, ...rest] = file.replace(/^\./, '').split(':')
  return rest.length === 2 && networks.some(({ name }) => name === network)
}

function fileNames(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
