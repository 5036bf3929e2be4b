/**
 * An esbuild plugin that replaces every `*-schema.ts` by its compiled form, so that a bundle
 * holds neither the schema compiler nor the time it takes.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Ajv } from 'ajv'
import type { Plugin } from 'esbuild'
import { type ConfSchema, schemaOptions } from '../../lib/cni/schema.ts'

type StandaloneCode = (ajv: Ajv, validate: ReturnType<Ajv['compile']>) => string

// ajv is CommonJS: what `import` makes of this file's default export differs from its types.
const standaloneCode = createRequire(import.meta.url)('ajv/dist/standalone') as StandaloneCode

export const compiledSchemas: Plugin = {
  name: 'compiled-schemas',
  setup(build) {
    build.onLoad({ filter: /-schema\.ts$/ }, async ({ path }) => ({
      contents: compiledModule(await readSchema(path)),
      loader: 'js',
      resolveDir: import.meta.dirname, // of ajv's helpers
    }))
  },
}

/** The schema that the module at `path` exports; throws when it exports anything else. */
async function readSchema(path: string): Promise<ConfSchema<unknown>['schema']> {
  const exported: Record<string, unknown> = await import(pathToFileURL(path).href)
  const names = Object.keys(exported)
  if (names.join() !== 'confSchema') {
    throw new Error(`${path} must export confSchema and no other value, exports: ${names.join()}`)
  }
  const { schema } = exported['confSchema'] as ConfSchema<unknown> // by convention of the name
  return schema
}

/** The source of a module that exports `confSchema`, its validator compiled. */
export function compiledModule(schema: ConfSchema<unknown>['schema']): string {
  const ajv = new Ajv({ ...schemaOptions, code: { source: true, esm: true } })
  const validator = standaloneCode(ajv, ajv.compile(schema)) // exports it as `validate`
  return `${validator}\nexport const confSchema = { schema: ${JSON.stringify(schema)}, validate }`
}
