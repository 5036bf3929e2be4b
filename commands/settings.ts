/** What `cni` reads from its environment. */
import { resolve } from 'node:path'
import type { Environment } from '../lib/base/environment.ts'
import { errorText } from '../lib/base/errors.ts'
import { isObject } from '../lib/base/json.ts'
import { sha512 } from '../lib/base/sha512.ts'
import type { CniArg } from '../lib/cni/attachment.ts'
import { CniError, ErrorCode } from '../lib/cni/errors.ts'
import { defaultSocket, socketVariable } from '../resident/protocol.ts'
import type { GivenFolders } from './args.ts'

export interface Settings {
  /** The folder of network configurations. */
  readonly confDir: string
  /** The folders of plugins, separated by colons. */
  readonly path: string
  readonly cacheDir: string
  readonly ifName: string
  /** Absent when CNI_ARGS is not set. */
  readonly args?: readonly CniArg[]
  /** Absent when CAP_ARGS is not set. */
  readonly capabilityArgs?: Readonly<Record<string, unknown>>
}

/**
 * Reads the environment; `binDir` is the folder of the running executable. An empty variable
 * counts as missing. Throws a `CniError` with code 4 for one that is malformed.
 */
export function readSettings(env: Environment, binDir: string): Settings {
  const valueOf = (name: string, fallback: string) => env[name] || fallback
  return {
    confDir: valueOf('NETCONFPATH', '/etc/cni/net.d'),
    path: valueOf('CNI_PATH', `${binDir}:/opt/cni/bin`),
    cacheDir: valueOf('CNI_CACHE_DIR', '/var/lib/cni'),
    ifName: valueOf('CNI_IFNAME', 'eth0'),
    ...(env['CNI_ARGS'] && { args: parsePairs(env['CNI_ARGS']) }),
    ...(env['CAP_ARGS'] && { capabilityArgs: parseCapabilityArgs(env['CAP_ARGS']) }),
  }
}

/** The name that the network configuration is installed under. */
export const conflistName = '10-flannel.conflist'

/** The folders of an installation: absolute paths. */
export interface Folders {
  readonly binDir: string
  readonly confDir: string
}

/** What `cni install` installs, and where. */
export interface InstallSettings extends Folders {
  /** The network configuration; undefined for the one that comes with the plugins. */
  readonly conflist: string | undefined
  /** Where a server may listen that has been there before. */
  readonly socket: string
}

/** The folders that options name, which are relative to `cwd`, or the environment, or the usual. */
export function readFolders(
  env: Environment,
  cwd: string,
  { binDir, confDir }: GivenFolders,
): Folders {
  return {
    binDir: resolve(cwd, binDir ?? (env['CNI_BIN_DIR'] || '/opt/cni/bin')),
    confDir: resolve(cwd, confDir ?? (env['NETCONFPATH'] || '/etc/cni/net.d')),
  }
}

/** The same with the network configuration to install. */
export function readInstallSettings(
  env: Environment,
  cwd: string,
  options: GivenFolders & { readonly conflist: string | undefined },
): InstallSettings {
  const conflist = options.conflist ?? (env['CNI_CONFLIST'] || undefined)
  return {
    ...readFolders(env, cwd, options),
    conflist: conflist && resolve(cwd, conflist),
    socket: readSocket(env),
  }
}

/** The path where fronts look for a server; empty when they do not. */
export function readSocket(env: Environment): string {
  return env[socketVariable] ?? defaultSocket
}

/**
 * The absolute path where a server is to listen: what an option says, or else where fronts look.
 * Throws a `CniError` when that is empty.
 */
export function readServeSocket(env: Environment, cwd: string, option: string | undefined): string {
  const path = option ?? readSocket(env)
  if (path !== '') return resolve(cwd, path)
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `${option === '' ? '--socket' : socketVariable} is empty: plugins would find no server`,
    `unset ${socketVariable} to listen on ${defaultSocket}, or name a path: cni serve --socket PATH`,
  )
}

function parsePairs(text: string): CniArg[] {
  return text.split(';').map((pair) => {
    const [key = '', value = '', ...rest] = pair.split('=')
    if (key !== '' && value !== '' && rest.length === 0) return [key, value]
    throw new CniError(
      ErrorCode.invalidEnvironment,
      `invalid CNI_ARGS pair ${JSON.stringify(pair)}`,
      `CNI_ARGS is ${JSON.stringify(text)}; expected KEY=VALUE;KEY=VALUE`,
    )
  })
}

function parseCapabilityArgs(text: string): Record<string, unknown> {
  const invalid = (problem: string) =>
    new CniError(
      ErrorCode.invalidEnvironment,
      `invalid CAP_ARGS: ${problem}`,
      'expected a JSON object by capability, such as {"portMappings": [...]}',
    )
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalid(errorText(error))
  }
  if (isObject(value)) return value
  throw invalid(`found ${text}`)
}

/** The absolute path of a network namespace, and the container ID that stands for it. */
export function identify(cwd: string, netns: string): { netns: string; containerId: string } {
  const path = resolve(cwd, netns)
  return { netns: path, containerId: `cnitool-${sha512(path).slice(0, 20)}` }
}
