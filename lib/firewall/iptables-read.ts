/** Rules as iptables lists them, read into data. What is of no known kind stays in its words. */
import { parseCidr, parseIp } from '../ip/ip.ts'
import {
  type Action,
  type Address,
  type Comparison,
  type Match,
  type Protocol,
  protocols,
  type Rule,
  type Statement,
  verdicts,
} from './rule.ts'

/** Reads the words of a rule, without the chain that it is in. */
export function parseRule(words: readonly string[]): Rule {
  const options = splitOptions(words)
  const end = options.findIndex(({ name }) => name === '-j' || name === '-g')
  const matches = end < 0 ? options : options.slice(0, end)
  const action = end < 0 ? [] : parseAction(options.slice(end))
  return [...parseMatches(matches), ...action]
}

/** An option and what stands behind it. */
interface Option {
  readonly name: string
  readonly isNegated: boolean
  readonly values: readonly string[]
}

/** Options whose value may look like an option. */
const withValue = ['--comment', '-i', '-o', '-j', '-g']

function splitOptions(words: readonly string[]): Option[] {
  const options: Option[] = []
  for (let index = 0; index < words.length;) {
    const isNegated = words[index] === '!'
    const start = isNegated ? index + 1 : index
    const name = words[start] ?? ''
    let end = withValue.includes(name) ? start + 2 : start + 1
    while (end < words.length && !/^(?:-.*|!)$/s.test(words[end] ?? '')) end++
    options.push({ name, isNegated, values: words.slice(start + 1, end) })
    index = end
  }
  return options
}

function wordsOf({ name, isNegated, values }: Option): string[] {
  return [...(isNegated ? ['!'] : []), name, ...values]
}

/** Matches that say nothing but by their options. */
const modules = [...protocols, 'comment', 'multiport', 'addrtype', 'mark', 'mac']

function parseMatches(options: readonly Option[]): Statement[] {
  const protocol = protocols.find((each) =>
    options.some(
      ({ name, isNegated, values }) => name === '-p' && !isNegated && values[0] === each,
    ),
  )
  const groups = groupByModule(options).map((group) => ({
    group,
    statements: parseGroup(group, protocol),
  }))
  const hasPort = groups.some(({ statements = [] }) =>
    statements.some((each) => 'protocol' in each),
  )
  // the port's statement has the protocol too
  const isImplied = ([first, ...others]: readonly Option[]) =>
    hasPort && others.length === 0 && first?.name === '-p' && !first.isNegated
  return groups.flatMap(({ group, statements }): readonly Statement[] => {
    if (statements !== undefined) return statements
    return isImplied(group) ? [] : [{ words: group.flatMap(wordsOf) }]
  })
}

/** Options of the same match stay together: those behind `-m`, and each that needs none. */
function groupByModule(options: readonly Option[]): Option[][] {
  const groups: Option[][] = []
  for (const option of options) {
    const last = groups.at(-1)
    if (last === undefined || !option.name.startsWith('--')) groups.push([option])
    else last.push(option)
  }
  return groups
}

/** What a group says; undefined when part of it is of no known kind. */
function parseGroup(group: readonly Option[], protocol?: Protocol): Statement[] | undefined {
  const [{ name, values: [module = ''] } = { name: '', values: [] }] = group
  const isModule = name === '-m' && modules.includes(module) && group.length > 1
  const said = isModule ? group.slice(1) : group
  const parsed = said.flatMap((option) => parseMatch(option, protocol) ?? [])
  return parsed.length === said.length ? parsed : undefined
}

function parseMatch(option: Option, protocol?: Protocol): Statement | undefined {
  const { name, isNegated, values } = option
  const [value = '', ...others] = values
  if (others.length > 0) return undefined
  const comparison: Comparison = isNegated ? { op: '!=' } : {}
  const address = name === '-s' || name === '-d' ? parseAddress(value) : undefined
  if (address !== undefined) {
    return name === '-s'
      ? { source: address, ...comparison }
      : { destination: address, ...comparison }
  }
  if (isNegated) return undefined
  if (name === '--comment') return { comment: value }
  if (name === '-i') return { inputInterface: value }
  if (name === '--mac-source') return { sourceMac: value }
  if (name === '--dst-type' && value === 'LOCAL') return { destinationType: 'local' }
  if (name === '--mark') {
    const mark = parseBits(value)
    return mark === undefined ? undefined : { mark }
  }
  return protocol && parsePorts(name, value, protocol)
}

function parsePorts(name: string, value: string, protocol: Protocol): Match | undefined {
  const ports = value.split(',').map(Number)
  if (!ports.every((port) => Number.isInteger(port))) return undefined // a range, say
  const [port] = ports
  if (name === '--dport' && port !== undefined && ports.length === 1) return { protocol, port }
  return name === '--dports' || name === '--destination-ports' ? { protocol, ports } : undefined
}

function parseAction([target, ...options]: readonly Option[]): Statement[] {
  if (target === undefined) return []
  const known = parseKnownAction(target, options)
  if (known !== undefined) return [known]
  const [chain = ''] = target.values
  const rest = options.map((option) => ({ words: wordsOf(option) }))
  return [target.name === '-g' ? { goto: chain } : { jump: chain }, ...rest]
}

function parseKnownAction(
  { name, values: [target] }: Option,
  options: readonly Option[],
): Action | undefined {
  const verdict = verdicts.find((each) => each.toUpperCase() === target)
  if (name !== '-j') return undefined
  if (options.length === 0 && verdict !== undefined) return { verdict }
  const [{ name: option, values: [value = ''] } = { name: '', values: [] }, ...others] = options
  if (others.length > 0) return undefined
  if (target === 'MASQUERADE' && ['', '--random-fully'].includes(option)) {
    return { masquerade: { fullyRandom: option !== '' } }
  }
  if (target === 'DNAT' && option === '--to-destination') {
    const dnat = parseTarget(value)
    return dnat && { dnat }
  }
  const setMark = target === 'MARK' && option === '--set-xmark' ? parseBits(value) : undefined
  return setMark === undefined ? undefined : { setMark }
}

function parseAddress(text: string): Address | undefined {
  return parseCidr(text) ?? parseIp(text)
}

/** A value that is its own mask: `0x2000/0x2000`. */
function parseBits(text: string): number | undefined {
  const [value, mask] = text.split('/')
  return value !== undefined && value === mask ? Number(value) : undefined
}

function parseTarget(text: string) {
  const [, six, four, port] = /^(?:\[(.+)\]|([\d.]+)):(\d+)$/.exec(text) ?? []
  const ip = parseIp(six ?? four ?? '')
  return ip && { ip, port: Number(port) }
}
