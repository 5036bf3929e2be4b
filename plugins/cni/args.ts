/** The command line of `cni`. */
import { parseArgs } from 'node:util'
import { errorText } from '../../lib/cni/errors.ts'

const attachmentVerbs = ['add', 'check', 'del'] as const
const networkVerbs = ['status', 'gc'] as const

export type AttachmentVerb = (typeof attachmentVerbs)[number]
export type NetworkVerb = (typeof networkVerbs)[number]

export type CommandLine =
  | { readonly verb: 'help' }
  | { readonly verb: 'version' }
  | { readonly verb: NetworkVerb; readonly network: string }
  | {
      readonly verb: AttachmentVerb
      readonly network: string
      /** As given: it may be relative. */
      readonly netns: string
      readonly ifName?: string
    }

/** A command line that asks for nothing we know. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Parses the arguments after the command's name; throws a `UsageError` that says what is wrong. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { values, positionals } = parse(argv)
  if (values.help === true) return { verb: 'help' }
  if (values.version === true) return { verb: 'version' }
  const [word = '', network = '', netns = '', ...rest] = positionals
  if (word === 'help' || word === 'version') return { verb: word }
  if (rest.length > 0)
    throw new UsageError(`too many arguments, from ${JSON.stringify(rest[0])} on`)
  const networkVerb = networkVerbs.find((verb) => verb === word)
  if (networkVerb !== undefined) {
    if (network === '') throw new UsageError(`${word} needs a network: cni ${word} NETWORK`)
    return { verb: networkVerb, network }
  }
  const verb = attachmentVerbs.find((candidate) => candidate === word)
  if (verb === undefined) throw unknownCommand(word)
  if (netns === '') {
    const missing = network === '' ? 'a network and a network namespace' : 'a network namespace'
    throw new UsageError(`${word} needs ${missing}: cni ${word} NETWORK NETNS`)
  }
  const { ifname } = values
  return ifname === undefined ? { verb, network, netns } : { verb, network, netns, ifName: ifname }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        ifname: { type: 'string', short: 'i' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError(errorText(error), { cause: error })
  }
}

function unknownCommand(word: string): UsageError {
  const known = [...attachmentVerbs, ...networkVerbs, 'version'].join(', ')
  const problem = word === '' ? 'no command' : `unknown command ${JSON.stringify(word)}`
  return new UsageError(`${problem}: expected one of ${known}`)
}
