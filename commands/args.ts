/** The command line of `cni`. */
import { parseArgs } from 'node:util'
import { errorText } from '../lib/base/errors.ts'

const attachmentVerbs = ['add', 'check', 'del'] as const
const networkVerbs = ['status', 'gc'] as const
const nodeVerbs = ['ps', 'install', 'uninstall'] as const

/** All commands. */
export const verbs = [...attachmentVerbs, ...networkVerbs, ...nodeVerbs, 'serve', 'version']

export type AttachmentVerb = (typeof attachmentVerbs)[number]
export type NetworkVerb = (typeof networkVerbs)[number]

export type CommandLine =
  | { readonly verb: 'help' }
  | { readonly verb: 'version' }
  | NetworkCommand
  | AttachmentCommand
  | NodeCommand
  | ServeCommand

export interface ServeCommand {
  readonly verb: 'serve'
  /** As given: it may be relative. */
  readonly socket?: string
}

export interface NetworkCommand {
  readonly verb: NetworkVerb
  readonly network: string
}

export interface AttachmentCommand {
  readonly verb: AttachmentVerb
  readonly network: string
  /** As given: it may be relative. */
  readonly netns: string
  readonly ifName?: string
}

/** A command about the node as a whole. Paths are as given: they may be relative. */
export type NodeCommand =
  | { readonly verb: 'ps'; readonly format: 'table' | 'json' }
  | ({ readonly verb: 'install'; readonly conflist: string | undefined } & GivenFolders)
  | ({
      readonly verb: 'uninstall'
      readonly dryRun: boolean
      readonly force: boolean
    } & GivenFolders)

/** The folders that an installation is in, as far as they are given. */
export interface GivenFolders {
  /** Of executables. */
  readonly binDir?: string | undefined
  /** Of network configurations. */
  readonly confDir?: string | undefined
}

/** A command line that asks for nothing we know. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The options of all commands. */
export const options = {
  ifname: { type: 'string', short: 'i' },
  json: { type: 'boolean' },
  'bin-dir': { type: 'string' },
  'conf-dir': { type: 'string' },
  conflist: { type: 'string' },
  socket: { type: 'string' },
  'dry-run': { type: 'boolean' },
  force: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

/** The options of each command, beside --help and --version. */
const optionsOf: Readonly<Record<Verb, readonly string[]>> = {
  add: ['ifname'],
  check: ['ifname'],
  del: ['ifname'],
  status: [],
  gc: [],
  ps: ['json'],
  install: ['bin-dir', 'conf-dir', 'conflist'],
  uninstall: ['bin-dir', 'conf-dir', 'dry-run', 'force'],
  serve: ['socket'],
}

type Verb = AttachmentVerb | NetworkVerb | NodeCommand['verb'] | 'serve'
type Values = ReturnType<typeof parse>['values']

/** Parses the arguments after the command's name; throws a `UsageError` that says what is wrong. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { values, positionals } = parse(argv)
  if (values.help === true) return { verb: 'help' }
  if (values.version === true) return { verb: 'version' }
  const [word = '', ...operands] = positionals
  if (word === 'help' || word === 'version') return { verb: word }
  const nodeVerb = nodeVerbs.find((verb) => verb === word)
  checkCount(operands, nodeVerb === undefined && word !== 'serve' ? 2 : 0)
  if (nodeVerb !== undefined) return nodeCommand(nodeVerb, values)
  if (word === 'serve') return serveCommand(values)
  const networkVerb = networkVerbs.find((verb) => verb === word)
  if (networkVerb !== undefined) return networkCommand(networkVerb, operands, values)
  const attachmentVerb = attachmentVerbs.find((verb) => verb === word)
  if (attachmentVerb !== undefined) return attachmentCommand(attachmentVerb, operands, values)
  throw unknownCommand(word)
}

function parse(argv: readonly string[]) {
  try {
    return requireValues(parseArgs({ args: [...argv], allowPositionals: true, options }))
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(errorText(error), { cause: error })
  }
}

/** An empty value is that of a variable that somebody has not set: as a path, this folder. */
function requireValues<T extends { readonly values: object }>(parsed: T): T {
  const [empty] = Object.entries(parsed.values).find(([, value]) => value === '') ?? []
  if (empty === undefined) return parsed
  throw new UsageError(`--${empty} needs a value, and has an empty one`)
}

function checkOptions(verb: Verb, values: Values): void {
  const known = optionsOf[verb]
  const other = Object.keys(values).find((name) => !known.includes(name))
  if (other === undefined) return
  const list = known.length === 0 ? 'none' : known.map((name) => `--${name}`).join(', ')
  throw new UsageError(`${verb} has no option --${other}; it has ${list}`)
}

function checkCount(operands: readonly string[], most: number): void {
  if (operands.length <= most) return
  throw new UsageError(`too many arguments, from ${JSON.stringify(operands[most])} on`)
}

function nodeCommand(verb: NodeCommand['verb'], values: Values): NodeCommand {
  checkOptions(verb, values)
  const { 'bin-dir': binDir, 'conf-dir': confDir, conflist } = values
  const { json = false, 'dry-run': dryRun = false, force = false } = values
  switch (verb) {
    case 'ps':
      return { verb, format: json ? 'json' : 'table' }
    case 'install':
      return { verb, binDir, confDir, conflist }
    case 'uninstall':
      return { verb, binDir, confDir, dryRun, force }
  }
}

function serveCommand(values: Values): ServeCommand {
  checkOptions('serve', values)
  const { socket } = values
  return socket === undefined ? { verb: 'serve' } : { verb: 'serve', socket }
}

function networkCommand(
  verb: NetworkVerb,
  [network = '']: readonly string[],
  values: Values,
): NetworkCommand {
  checkOptions(verb, values)
  if (network === '') throw new UsageError(`${verb} needs a network: cni ${verb} NETWORK`)
  return { verb, network }
}

function attachmentCommand(
  verb: AttachmentVerb,
  [network = '', netns = '']: readonly string[],
  values: Values,
): AttachmentCommand {
  checkOptions(verb, values)
  if (netns === '') {
    const missing = network === '' ? 'a network and a network namespace' : 'a network namespace'
    throw new UsageError(`${verb} needs ${missing}: cni ${verb} NETWORK NETNS`)
  }
  const { ifname } = values
  return ifname === undefined ? { verb, network, netns } : { verb, network, netns, ifName: ifname }
}

function unknownCommand(word: string): UsageError {
  const problem = word === '' ? 'no command' : `unknown command ${JSON.stringify(word)}`
  return new UsageError(`${problem}: expected one of ${verbs.join(', ')}`)
}
