/**
 * An esbuild plugin that replaces every `*-text.ts` by what it exports, all of them texts, so that
 * a bundle needs none of the files that they are read from.
 */
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'

export const inlinedTexts: Plugin = {
  name: 'inlined-texts',
  setup(build) {
    build.onLoad({ filter: /-text\.ts$/ }, async ({ path }) => ({
      contents: inlinedModule(await import(pathToFileURL(path).href)),
      loader: 'js',
    }))
  },
}

/** The source of a module that exports the same texts; throws when one is no text. */
export function inlinedModule(exported: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(exported).map(([name, value]) => {
    if (typeof value === 'string') return `export const ${name} = ${JSON.stringify(value)}`
    throw new Error(`a *-text.ts may export texts only; ${name} is a ${typeof value}`)
  })
  return lines.join('\n')
}
