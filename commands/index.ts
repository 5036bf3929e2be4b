/**
 * The command `cni`: what a container runtime does with a network, for a person to do by hand, and
 * what there is to do about a node. From the arguments to the exit status; each verb has a file, or
 * a folder, of its name. Verbs, environment and container IDs are those of the Go project's cnitool,
 * and so is what it keeps: either can remove what the other made.
 */
import { dirname } from 'node:path'
import type { Environment } from '../lib/base/environment.ts'
import { createLog } from '../lib/base/log.ts'
import type { RuntimeAttachment } from '../lib/cni/attachment.ts'
import { CniError, ErrorCode } from '../lib/cni/errors.ts'
import type { Invoker } from '../lib/cni/invoker.ts'
import { supportedVersions } from '../lib/cni/versions.ts'
import { AttachmentCache } from '../lib/libcni/attachment-cache.ts'
import { findConfList } from '../lib/libcni/conf-dir.ts'
import type { Runtime } from '../lib/libcni/runtime.ts'
import { add } from './add.ts'
import {
  type AttachmentCommand,
  type CommandLine,
  type NetworkCommand,
  type NodeCommand,
  parseCommandLine,
  type ServeCommand,
  UsageError,
} from './args.ts'
import { check } from './check.ts'
import { del } from './del.ts'
import { explain, formatFailure } from './failure.ts'
import { gc } from './gc.ts'
import { install } from './install/index.ts'
import { describeServer } from './node/server.ts'
import { ps } from './ps/index.ts'
import { asRoot } from './remedy.ts'
import {
  identify,
  readFolders,
  readInstallSettings,
  readServeSocket,
  readSettings,
  readSocket,
  type Settings,
} from './settings.ts'
import { status } from './status.ts'
import { uninstall } from './uninstall/index.ts'
import { usage } from './usage.ts'

/** A plugin that takes longer than this, in milliseconds, hangs. */
export const pluginTimeoutMs = 120_000

/** The outside world of the command. */
export interface CniHost {
  /** The version of this plugin set. */
  readonly version: string
  /** What relative paths are relative to. */
  readonly cwd: string
  /** The file of the running executable. */
  readonly executable: string
  /** The names that it has, one for each plugin, and `cni`. */
  readonly names: readonly string[]
  /** The effective user ID. */
  readonly userId: number
  /** The bytes of the front executable that it carries, if it does. */
  readFront(): Uint8Array | undefined
  /** Calls plugins as processes of their own, for at most `pluginTimeoutMs`. */
  readonly invoker: Invoker
  /** Serves calls on the socket at the path, until the process is told to stop. */
  serveCalls(socket: string): Promise<void>
  /** Milliseconds since the epoch. */
  now(): number
  writeStdout(text: string): void
  writeStderr(text: string): void
}

/** 1 when the command failed, 2 when it was not understood. */
export type ExitStatus = 0 | 1 | 2

export const cniCommand = {
  name: 'cni',

  /**
   * Does what the arguments after the command's name ask for. Returns the exit status, or the
   * promise of it when the command goes on until it is told to stop.
   */
  run(argv: readonly string[], env: Environment, host: CniHost): ExitStatus | Promise<ExitStatus> {
    let line: CommandLine
    try {
      line = parseCommandLine(argv)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      host.writeStderr(`cni: ${error.message}\n\n${usage}`)
      return 2
    }
    const fail = (error: unknown): ExitStatus => {
      host.writeStderr(formatFailure(title(line), explain(error, host.userId)))
      return 1
    }
    try {
      if (line.verb === 'serve') {
        requireRoot(host, 'plugins ask no server of another user')
        const socket = readServeSocket(env, host.cwd, line.socket)
        return host.serveCalls(socket).then(() => 0, fail)
      }
      serve(line, env, host)
      return 0
    } catch (error) {
      return fail(error)
    }
  },
}

/** Throws a `CniError` unless the user is root: half of the work would be worse than none. */
function requireRoot({ userId }: CniHost, why: string): void {
  if (userId === 0) return
  throw new CniError(
    ErrorCode.ioFailure,
    `user ${userId} may not do this`,
    `${asRoot(userId)}; ${why}`,
  )
}

function title(line: CommandLine): string {
  return 'network' in line ? `cni ${line.verb} ${line.network}` : `cni ${line.verb}`
}

/** The commands that end by themselves. */
type OneShot = Exclude<CommandLine, ServeCommand>

/** Does what the line asks for, and writes on stdout what there is to say. */
function serve(line: OneShot, env: Environment, host: CniHost): void {
  switch (line.verb) {
    case 'help':
      return host.writeStdout(usage)
    case 'version':
      return host.writeStdout(
        `cni ${host.version}\nCNI protocol versions supported: ${supportedVersions.join(', ')}\n` +
          `${describeServer(readSocket(env), host.version)}\n`,
      )
    case 'ps':
    case 'install':
    case 'uninstall':
      return serveNode(line, env, host)
    default:
      return host.writeStdout(callPlugins(line, env, host))
  }
}

/** The commands about the node; those that change something say so while they do it. */
function serveNode(line: NodeCommand, env: Environment, host: CniHost): void {
  const say = (text: string) => host.writeStdout(`${text}\n`)
  switch (line.verb) {
    case 'ps': {
      const { cache, log } = createRuntime(line, env, host)
      const { confDir } = readFolders(env, host.cwd, {})
      if (host.userId !== 0) {
        const unseen = 'what runtimes keep, and what is wrong in pods, is not seen'
        log.warn(`${unseen}: ${asRoot(host.userId)}`)
      }
      return host.writeStdout(ps({ cache, confDir, log }, line.format, host.now()))
    }
    case 'install':
      return install(host, readInstallSettings(env, host.cwd, line), say)
    case 'uninstall': {
      const folders = readFolders(env, host.cwd, line)
      if (!line.dryRun) requireRoot(host, '--dry-run lists what this user sees')
      const runtime = createRuntime(line, env, host)
      return uninstall({ own: host, folders, socket: readSocket(env), runtime }, line, say)
    }
  }
}

/** Does what is asked for by calling plugins, and returns what stands on stdout. */
function callPlugins(
  line: NetworkCommand | AttachmentCommand,
  env: Environment,
  host: CniHost,
): string {
  const settings = settingsOf(env, host)
  const runtime = createRuntime(line, env, host)
  const list = findConfList(settings.confDir, line.network)
  if (!('netns' in line)) return { status, gc }[line.verb](runtime, list)
  const ifName = line.ifName ?? settings.ifName
  const name = { network: list.name, ...identify(host.cwd, line.netns), ifName }
  const made = line.verb === 'add' ? undefined : runtime.cache.find(name)
  const attachment: RuntimeAttachment = {
    ...name,
    args: settings.args ?? made?.args ?? [],
    capabilityArgs: settings.capabilityArgs ?? made?.capabilityArgs ?? {},
  }
  return { add, check, del }[line.verb](runtime, list, attachment)
}

function createRuntime(line: CommandLine, env: Environment, host: CniHost): Runtime {
  const { path, cacheDir } = settingsOf(env, host)
  return {
    invoker: host.invoker,
    cache: new AttachmentCache(cacheDir),
    env,
    path,
    log: createLog(title(line), 'warn', (text) => host.writeStderr(text)),
  }
}

function settingsOf(env: Environment, { executable }: CniHost): Settings {
  return readSettings(env, dirname(executable))
}
