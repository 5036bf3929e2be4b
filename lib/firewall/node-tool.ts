/**
 * The node's own programs for its firewall. They run as root, so how one of them works does not
 * depend on the environment of the call, and which one runs no more than `searchTool` says.
 */
import { DetailedError } from '../base/errors.ts'
import { execute, type Execution, type ExecutionFailure } from '../base/exec.ts'
import { searchTool, type ToolSearch } from './tool-search.ts'

/** So many entries of PATH that were passed over are named in an error. */
const maxNamed = 8

/** More characters of an argument than this are not shown. */
const maxShown = 200

/** How iptables says that another program has kept its lock: first 1.8.8 and newer. */
const heldLock = /Can't lock \S*xtables\.lock|holding the xtables lock/

/** A program that was found, or started, and could not do what it was asked. */
export class ToolError extends DetailedError {
  /** What the program wrote on stderr. */
  readonly stderr: string
  /** It waited until it was killed, or gave up: to ask anything else of it would take as long. */
  readonly isStuck: boolean

  constructor(command: string, { stderr }: Execution, failure: ExecutionFailure, remedy: string) {
    const said = stderr.trim()
    super(
      `running [${command}]: ${failure.text}: ${said === '' ? 'it wrote nothing' : said}`,
      [failure.details ?? '', remedy].filter((text) => text !== '').join('; '),
    )
    this.stderr = said
    this.isStuck = failure.code === 'ETIMEDOUT' || heldLock.test(said)
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

/** The programs, as far as a call with this PATH in its environment finds them. */
export class Tools {
  readonly #path: string

  constructor(path = '') {
    this.#path = path
  }

  /** The path of the executable file with this name, or undefined. */
  find(name: string): string | undefined {
    return searchTool(name, this.#path).file
  }

  /** Runs a program and returns its stdout; throws a `ToolError`, or a `DetailedError` if it is missing. */
  run(call: ToolCall): string {
    const { name, args, stdin = '', timeoutMs, remedy } = call
    const search = searchTool(name, this.#path)
    const { file, folders } = search
    if (file === undefined) throw missing(call, search)
    // What a program calls is where it is. None of them localizes its messages; LC_ALL is for the
    // day when one does.
    const env = { PATH: folders.join(':'), LC_ALL: 'C' }
    const execution = execute(file, args, { input: stdin, env, timeoutMs })
    if (execution.failure === undefined) return execution.stdout
    const command = [file, ...args.map(shorten)].join(' ')
    throw new ToolError(command, execution, execution.failure, remedy)
  }
}

/** An argument as people read it: a whole transaction in JSON would bury what is wrong with it. */
function shorten(arg: string): string {
  return arg.length > maxShown ? `${arg.slice(0, maxShown)}...` : arg
}

function missing(
  { name, debianPackage }: ToolCall,
  { folders, passedOver }: ToolSearch,
): DetailedError {
  const named = passedOver.slice(0, maxNamed).join(', ')
  const rest = passedOver.length > maxNamed ? ` and ${passedOver.length - maxNamed} more` : ''
  const passed =
    named === ''
      ? ''
      : `PATH also names ${named}${rest}, where nothing is run that root has not put; `
  return new DetailedError(
    `failed to find ${name}`,
    `expected the executable ${name} in one of ${folders.join(', ')}; ${passed}` +
      `install it on the node (Debian: apt-get install ${debianPackage})`,
  )
}

/** Whether the error is that of a program which is stuck. */
export function isStuck(error: unknown): boolean {
  return error instanceof ToolError && error.isStuck
}
