/**
 * The file by which the CNI plugin learns of this node's subnets; and by which the agent, at its next
 * start, learns which ones it had.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { DetailedError, errorText, hasCode } from '../lib/base/errors.ts'
import { makeFolder, readSmallFile, unlinkIfThere } from '../lib/base/files.ts'
import { formatSubnetEnv, type SubnetEnv } from '../lib/flannel/subnet-env.ts'
import { type Cidr, family, type Family, network, parseCidr } from '../lib/ip/ip.ts'
import { randomBytes } from '../lib/linux/libc.ts'
import type { AgentLog } from './log.ts'

/** Of a file that is not there yet. */
const usualMode = 0o644

/**
 * Writes the file in one step and syncs it, after making its folder: a plugin finds the old text or
 * the new one. A file that is there keeps its mode; a symbolic link is replaced, as upstream has it.
 * Throws a `DetailedError`.
 */
export function writeSubnetFile(path: string, env: SubnetEnv): void {
  try {
    makeFolder(dirname(path), 0o755)
    replaceSynced(path, formatSubnetEnv(env))
  } catch (error) {
    const details =
      'without it no pod gets a network: make its folder writable, or set --subnet-file'
    throw new DetailedError(errorText(error), details, { cause: error })
  }
}

function replaceSynced(path: string, text: string): void {
  // Two agents that have one path by mistake must not write one file.
  const suffix = Buffer.from(randomBytes(8)).toString('hex')
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}`)
  const mode = modeOf(path)
  const { O_WRONLY, O_CREAT, O_EXCL } = constants
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  try {
    writeFileSync(fd, text)
    fchmodSync(fd, mode) // whatever the umask
    fsyncSync(fd)
    renameSync(temporary, path)
  } catch (error) {
    unlinkIfThere(temporary)
    throw error
  } finally {
    closeSync(fd)
  }
}

function modeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isFile() ? stat.mode & 0o777 : usualMode
}

/** What the node had before. */
export interface PreviousSubnets {
  /** The networks of the whole cluster, and the subnets of this node: host bits zero, IPv4 first. */
  readonly networks: readonly Cidr[]
  readonly subnets: readonly Cidr[]
}

const keys: readonly { readonly of: Family; readonly network: string; readonly subnet: string }[] =
  [
    { of: 4, network: 'FLANNEL_NETWORK', subnet: 'FLANNEL_SUBNET' },
    { of: 6, network: 'FLANNEL_IPV6_NETWORK', subnet: 'FLANNEL_IPV6_SUBNET' },
  ]

/**
 * What the file says of the time before; nothing when there is no file. Whatever is wrong with it is
 * logged and counts as nothing, since the agent is about to write it anew.
 */
export function readPreviousSubnets(
  path: string,
  log: Pick<AgentLog, 'info' | 'warn'>,
): PreviousSubnets {
  const values = readValues(path, log)
  const read = (key: string, of: Family) => {
    const ignore = (problem: string) => log.warn(`${path}: ${key}: ${problem}; it is ignored`)
    return readOne(values[key] ?? '', of, ignore)
  }
  return {
    networks: keys.flatMap((each) => read(each.network, each.of)),
    subnets: keys.flatMap((each) => read(each.subnet, each.of)),
  }
}

function readValues(path: string, log: Pick<AgentLog, 'info' | 'warn'>): NodeJS.Dict<string> {
  try {
    return parseEnv(readSmallFile(path))
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) {
      log.info(`${path}: not there yet, so no subnet is asked for again`)
    } else {
      log.warn(`${errorText(error)}: no subnet is asked for again`)
    }
    return {}
  }
}

/** The only network of a list that is one; of several nobody knows which one counts. */
function readOne(text: string, of: Family, ignore: (problem: string) => void): Cidr[] {
  const texts = text === '' ? [] : text.split(',').map((each) => each.trim())
  const cidrs = texts.flatMap((each) => {
    const cidr = parseCidr(each)
    if (cidr !== undefined && family(cidr.ip) === of) return [network(cidr)]
    ignore(`${JSON.stringify(each)} is no IPv${of} network such as the agent writes`)
    return []
  })
  if (cidrs.length <= 1) return cidrs
  ignore(`${text} is a list, expected one network`)
  return []
}
