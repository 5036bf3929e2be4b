/**
 * Network configurations against their JSON schemas. From source a schema is compiled when it is
 * first used; the build replaces every `*-schema.ts` by its compiled form, so that an
 * executable neither loads the schema compiler nor runs it.
 */
import { createRequire } from 'node:module'
import type { ErrorObject as SchemaError, Options, SchemaObject } from 'ajv'
import { stage } from '../base/stage.ts'
import { CniError, ErrorCode } from './errors.ts'

/** A compiled schema: returns whether the value fits and leaves what is wrong in `errors`. */
export interface Validate {
  (value: unknown): boolean
  errors?: SchemaError[] | null
}

/** The schema of one plugin's configuration; `T` is the type of what fits it. */
export interface ConfSchema<T> {
  readonly schema: SchemaObject
  readonly validate: Validate
  /** Never set: carries the type. */
  readonly type?: T
}

/** How schemas are compiled, at run time and by the build alike. */
export const schemaOptions: Options = { strict: true, allowUnionTypes: true, verbose: true }

/** Declares the schema of a configuration. */
export function defineSchema<T>(schema: SchemaObject): ConfSchema<T> {
  let compiled: Validate | undefined
  const validate: Validate = (value) => {
    compiled ??= compile(schema)
    const fits = compiled(value)
    validate.errors = compiled.errors ?? null
    return fits
  }
  return { schema, validate }
}

function compile(schema: SchemaObject): Validate {
  const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv')
  return new Ajv(schemaOptions).compile(schema)
}

/**
 * Reads a configuration by its schema: keys are matched in any case and `null` counts as missing,
 * as Go's decoder does. Throws a `CniError` with code 7 whose message is `prefix`, the path and
 * what is wrong there, and whose details say what was found.
 */
export function readConf<T>(conf: ConfSchema<T>, value: unknown, prefix: string): T {
  const toError = ({ path, expected, found }: Misfit) => {
    const what = path === '' ? 'the configuration' : path
    return new CniError(
      ErrorCode.invalidNetworkConfig,
      `${prefix}${what} ${expected}`,
      `found ${found} in the network configuration; correct it there`,
    )
  }
  return stage('checking the configuration', () => readValue(conf, value, toError))
}

/** The first thing in a value that its schema does not allow. */
export interface Misfit {
  /** Where it stands, as keys and indexes with dots between; empty for the value itself. */
  readonly path: string
  /** What should stand there, as the end of a sentence: `must be string`. */
  readonly expected: string
  /** What stands there, as JSON; shortened. */
  readonly found: string
}

/** Reads any value by a schema as `readConf` does; throws what `toError` makes of a misfit. */
export function readValue<T>(
  conf: ConfSchema<T>,
  value: unknown,
  toError: (misfit: Misfit) => Error,
): T {
  const canonical = canonicalize(conf.schema, value)
  if (conf.validate(canonical)) return canonical as T // the schema has just checked it
  const [first] = conf.validate.errors ?? []
  throw toError({
    path: (first?.instancePath ?? '').slice(1).replaceAll('/', '.'),
    expected: expectation(first),
    found: shorten(first?.data),
  })
}

function expectation(error: SchemaError | undefined): string {
  if (error?.keyword === 'enum') {
    const values: unknown[] = error.params['allowedValues']
    return `must be one of ${values.map((value) => JSON.stringify(value)).join(', ')}`
  }
  return error?.message ?? 'does not fit the schema'
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

/**
 * The value with the keys that its schema knows in the schema's spelling, and without those that
 * are null. When a key occurs in several spellings the last one counts.
 */
export function canonicalize(schema: SchemaObject, value: unknown): unknown {
  if (Array.isArray(value)) {
    const items: SchemaObject | undefined = schema['items']
    return items === undefined ? value : value.map((item) => canonicalize(items, item))
  }
  const properties: Record<string, SchemaObject> | undefined = schema['properties']
  if (properties === undefined || typeof value !== 'object' || value === null) return value
  const entries = new Map<string, unknown>()
  for (const [key, item] of Object.entries(value)) {
    const known = spellingOf(key, properties)
    if (item === null && known !== undefined) continue
    const child = known === undefined ? undefined : properties[known]
    entries.set(known ?? key, child === undefined ? item : canonicalize(child, item))
  }
  return Object.fromEntries(entries)
}

/** The schema's spelling of a key; undefined when the schema does not know it. */
function spellingOf(key: string, properties: object): string | undefined {
  if (Object.hasOwn(properties, key)) return key // as nearly all are written
  const lower = key.toLowerCase()
  return Object.keys(properties).find((property) => property.toLowerCase() === lower)
}
