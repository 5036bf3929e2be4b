/**
 * Command lines as Go's package `flag` reads them: `-x` and `--x` are the same, a value stands behind
 * `=` or is the next word, a boolean's only behind `=`, and the first word that is no flag, or `--`,
 * ends the flags.
 */

/** A command line that is not understood; its message is Go's. */
export class FlagError extends Error {
  override readonly name = 'FlagError'
}

/** What a flag's value can be. */
export interface FlagKind<T> {
  /** The word for the value in the usage; empty for a boolean, which needs none. */
  readonly word: string
  readonly initial: T
  /** The value with one more occurrence taken into account; undefined for a text that is none. */
  read(text: string, before: T): T | undefined
}

export interface Flag<T> {
  readonly kind: FlagKind<T>
  readonly help: string
}

export function textFlag(initial: string, help: string): Flag<string> {
  return { kind: { word: 'string', initial, read: (text) => text }, help }
}

/** A flag that may be given several times: all of its values, in their order. */
export function listFlag(help: string): Flag<readonly string[]> {
  return { kind: { word: 'value', initial: [], read: (text, before) => [...before, text] }, help }
}

// strconv.ParseBool of Go
const truths = ['1', 't', 'T', 'true', 'TRUE', 'True']
const lies = ['0', 'f', 'F', 'false', 'FALSE', 'False']

export function booleanFlag(initial: boolean, help: string): Flag<boolean> {
  const read = (text: string) =>
    truths.includes(text) ? true : lies.includes(text) ? false : undefined
  return { kind: { word: '', initial, read }, help }
}

/** A whole number, in the notations of Go: decimal, or with 0x, 0o or 0b. */
export function numberFlag(initial: number, help: string): Flag<number> {
  const read = (text: string) => {
    const [, sign = '', digits = ''] = /^([+-]?)(\d[\da-fox_]*)$/i.exec(text) ?? []
    const octal = /^0\d/.test(digits) ? digits.replace(/^0/, '0o') : digits
    const value = digits === '' ? NaN : Number(octal.replaceAll('_', ''))
    return Number.isSafeInteger(value) ? value * (sign === '-' ? -1 : 1) : undefined
  }
  return { kind: { word: 'int', initial, read }, help }
}

export type Flags<T> = { readonly [K in keyof T]: Flag<T[K]> }

export interface FlagValues<T> {
  readonly values: T
  /** The flags that were given. */
  readonly given: ReadonlySet<keyof T>
}

/**
 * Reads the words behind a program's name; flags that are not given have their initial values.
 * Throws a `FlagError`.
 */
export function parseFlags<T extends object>(
  flags: Flags<T>,
  words: readonly string[],
): FlagValues<T> {
  const values = initialValues(flags)
  const given = new Set<keyof T>()
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    const [, name, inline] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? []
    if (word === '-' || word === '--' || name === undefined) break
    if (name === '' || name.startsWith('-')) throw new FlagError(`bad flag syntax: ${word}`)
    if (!isFlag(flags, name)) throw new FlagError(`flag provided but not defined: -${name}`)
    const text = inline ?? (isBoolean(flags[name]) ? 'true' : words[++index])
    if (text === undefined) throw new FlagError(`flag needs an argument: -${name}`)
    values[name] = readFlag(flags[name], text, values[name], `for flag -${name}`)
    given.add(name)
  }
  return { values, given }
}

/** The values, with those of the environment for flags that were not given on the command line. */
export function fillFromEnvironment<T extends object>(
  flags: Flags<T>,
  { values, given }: FlagValues<T>,
  env: Readonly<Record<string, string | undefined>>,
  prefix: string,
  warn: (message: string) => void,
): T {
  const filled = { ...values }
  for (const name of Object.keys(flags) as (keyof T & string)[]) {
    const variable = prefix + name.toUpperCase().replaceAll('-', '_')
    const text = env[variable] ?? ''
    if (text === '' || given.has(name)) continue
    try {
      filled[name] = readFlag(flags[name], text, flags[name].kind.initial, `in ${variable}`)
    } catch (error) {
      if (!(error instanceof FlagError)) throw error
      warn(`${error.message}: it is ignored`)
    }
  }
  return filled
}

/** The list of the flags, as Go prints it. */
export function flagUsage<T extends object>(flags: Flags<T>): string {
  const names = Object.keys(flags).sort() as (keyof T & string)[]
  return names.map((name) => describe(name, flags[name])).join('')
}

function describe<T>(name: string, { kind, help }: Flag<T>): string {
  const { word, initial } = kind
  const isZero = initial === '' || initial === 0 || initial === false || Array.isArray(initial)
  const shown = typeof initial === 'string' ? JSON.stringify(initial) : String(initial)
  const suffix = isZero ? '' : ` (default ${shown})`
  return `  -${name}${word === '' ? '' : ` ${word}`}\n    \t${help}${suffix}\n`
}

function initialValues<T extends object>(flags: Flags<T>): T {
  const entries = Object.entries<Flag<unknown>>(flags as Flags<Record<string, unknown>>)
  return Object.fromEntries(entries.map(([name, { kind }]) => [name, kind.initial])) as T // its keys
}

function isFlag<T extends object>(flags: Flags<T>, name: string): name is keyof T & string {
  return Object.hasOwn(flags, name)
}

function isBoolean<T>({ kind }: Flag<T>): boolean {
  return typeof kind.initial === 'boolean'
}

function readFlag<T>({ kind }: Flag<T>, text: string, before: T, where: string): T {
  const value = kind.read(text, before)
  if (value !== undefined) return value
  const type = isBoolean({ kind, help: '' }) ? 'boolean value' : 'value'
  throw new FlagError(`invalid ${type} ${JSON.stringify(text)} ${where}: parse error`)
}
