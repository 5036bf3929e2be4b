/**
 * The node's own programs for its firewall. They run as root, so neither which program runs nor
 * how it works depends on the environment of the call.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { CniError, ErrorCode } from '../cni/errors.ts'
import { execute } from '../exec.ts'
import type { Execution, ExecutionFailure } from '../exec.ts'

/** Where a node has its programs; the last one is NixOS'. */
export const toolFolders = [
  '/usr/sbin',
  '/sbin',
  '/usr/bin',
  '/bin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/run/current-system/sw/bin',
] as const

/** None of the programs localizes its messages; LC_ALL is for the day when one does. */
const env = { PATH: toolFolders.join(':'), LC_ALL: 'C' }

/** More characters of an argument than this are not shown. */
const maxShown = 200

/** How iptables says that another program has kept its lock: first 1.8.8 and newer. */
const heldLock = /Can't lock \S*xtables\.lock|holding the xtables lock/

/** A program that was found, or started, and could not do what it was asked. */
export class ToolError extends CniError {
  /** What the program wrote on stderr. */
  readonly stderr: string
  /** It waited until it was killed, or gave up: to ask anything else of it would take as long. */
  readonly isStuck: boolean

  constructor(command: string, { stderr }: Execution, failure: ExecutionFailure, remedy: string) {
    const said = stderr.trim()
    super(
      ErrorCode.internal,
      `running [${command}]: ${failure.text}: ${said === '' ? 'it wrote nothing' : said}`,
      [failure.details ?? '', remedy].filter((text) => text !== '').join('; '),
    )
    this.stderr = said
    this.isStuck = failure.code === 'ETIMEDOUT' || heldLock.test(said)
  }
}

/** The path of the executable file with this name in `toolFolders`, or undefined. */
export function findTool(name: string): string | undefined {
  return toolFolders.map((folder) => `${folder}/${name}`).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // whatever keeps it from being looked at keeps it from being run
  }
}

export interface ToolCall {
  readonly name: string
  readonly args: readonly string[]
  readonly stdin?: string
  /** After so many milliseconds the program is killed. */
  readonly timeoutMs: number
  /** Debian's package with the program. */
  readonly debianPackage: string
  /** What to do when the program fails. */
  readonly remedy: string
}

/** Runs a program and returns its stdout; throws a `ToolError`, or a `CniError` if it is missing. */
export function runTool(call: ToolCall): string {
  const { name, args, stdin = '', timeoutMs, remedy } = call
  const file = findTool(name)
  if (file === undefined) throw missing(call)
  const execution = execute(file, args, { input: stdin, env, timeoutMs })
  if (execution.failure === undefined) return execution.stdout
  const command = [file, ...args.map(shorten)].join(' ')
  throw new ToolError(command, execution, execution.failure, remedy)
}

/** An argument as people read it: a whole transaction in JSON would bury what is wrong with it. */
function shorten(arg: string): string {
  return arg.length > maxShown ? `${arg.slice(0, maxShown)}...` : arg
}

function missing({ name, debianPackage }: ToolCall): CniError {
  return new CniError(
    ErrorCode.internal,
    `failed to find ${name}`,
    `expected the executable ${name} in one of ${toolFolders.join(', ')}; ` +
      `install it on the node (Debian: apt-get install ${debianPackage})`,
  )
}

/** Whether the error is that of a program which is stuck. */
export function isStuck(error: unknown): boolean {
  return error instanceof ToolError && error.isStuck
}
