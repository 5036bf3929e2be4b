/**
 * What a plugin is here: a value with one function per CNI command. A plugin never touches the
 * process it runs in; everything it needs of the outside comes in the request and the context.
 */
import type { Environment } from '../base/environment.ts'
import type { Log } from '../base/log.ts'
import type { Tools } from '../firewall/node-tool.ts'
import type { Attachment } from './attachment.ts'
import type { Result } from './result.ts'
import type { Version } from './versions.ts'

export const commands = ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC', 'VERSION'] as const
/** The value of CNI_COMMAND (CNI specification, section 2 "Parameters"). */
export type Command = (typeof commands)[number]

/** The commands that a plugin serves itself, and that it can delegate. */
export type PluginCommand = Exclude<Command, 'VERSION'>

/** A network configuration as parsed from stdin: the keys that every plugin has, and the rest. */
export interface NetConf {
  readonly name: string
  /** The version as negotiated: the configuration's, or 0.1.0 when it has none. */
  readonly cniVersion: Version
  readonly [key: string]: unknown
}

/**
 * One call of a plugin, checked: environment, stdin and version are known to be good. It names the
 * attachment that it is about; CNI_CONTAINERID and CNI_IFNAME are empty for STATUS and GC.
 */
export interface Request extends Attachment {
  readonly command: PluginCommand
  /** CNI_NETNS as given; empty when the runtime gave none. */
  readonly netns: string
  /** CNI_ARGS as given. */
  readonly args: string
  /** CNI_PATH as given: directories separated by colons. */
  readonly path: string
  readonly conf: NetConf
  /** `cniVersion` as it stands in the configuration; empty when there is none. */
  readonly configuredVersion: string
  /** stdin as it came: what an IPAM delegate receives, byte for byte. */
  readonly stdin: string
  /** The environment of the call: what an executed delegate inherits. */
  readonly env: Environment
}

/** Calls other plugins (CNI specification, section 4 "Plugin delegation"). */
export interface Delegate {
  /**
   * Calls the plugin named `type` for the attachment of `request` with `stdin` as its
   * configuration, and returns its result. Throws a `CniError`: the delegate's own, or a
   * `DelegationError` when it could not be called or its answer is no result.
   */
  add(type: string, request: Request, stdin: string): Result
  /** The same for the commands that have no result. */
  run(command: Exclude<PluginCommand, 'ADD'>, type: string, request: Request, stdin: string): void
}

/** The outside world as plugins see it. */
export interface Context {
  readonly log: Log
  readonly delegate: Delegate
  /** The node's programs, found by the PATH of the call. */
  readonly tools: Tools
  /** `length` random bytes. */
  randomBytes(length: number): Uint8Array
  /** Milliseconds since the epoch. */
  now(): number
  /** Blocks the calling thread for so many milliseconds. */
  sleep(ms: number): void
}

/**
 * The commands a plugin serves. A command that is missing succeeds without doing anything, as in
 * the Go library. Every function throws on failure; what is not a `CniError` becomes code 999.
 */
export interface Plugin {
  /** The executable's name, and the `type` of its configurations. */
  readonly name: string
  add(request: Request, context: Context): Result
  del(request: Request, context: Context): void
  check?(request: Request, context: Context): void
  status?(request: Request, context: Context): void
  gc?(request: Request, context: Context): void
}
