/**
 * Bundles what the executable is under its names into CommonJS files in dist, the form that a single
 * executable needs.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { type Bundle, bundleFile, bundles, packagesFile } from './build/bundles.ts'
import { compiledSchemas } from './build/compiled-schemas.ts'
import { inlinedTexts } from './build/inlined-texts.ts'
import { lazyIpNum } from './build/lazy-ip-num.ts'

// Modules of Node that load in a fraction of a millisecond.
const loaded = ['diagnostics_channel', 'ffi', 'fs', 'module', 'os', 'path', 'process', 'util']

const packages = new Set<string>()
for (const bundle of bundles) {
  const metafile = await makeBundle(bundle)
  const files = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs))
  refuseSchemaCompiler(bundle, files)
  refuseSlowModules(bundle, metafile)
  for (const file of files) {
    const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file) ?? []
    if (name !== undefined) packages.add(name)
  }
}
writeFileSync(packagesFile, JSON.stringify([...packages].sort()))

async function makeBundle(bundle: Bundle): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [bundle.entry],
    outfile: bundleFile(bundle),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    external: ['node:*'],
    alias: {
      // proper-lockfile takes any fs, and what graceful-fs adds is for many open files at once.
      'graceful-fs': 'node:fs',
      'signal-exit': join(import.meta.dirname, 'build/no-signal-exit.cjs'),
    },
    plugins: [compiledSchemas, inlinedTexts, lazyIpNum],
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    metafile: true,
    logOverride: { 'empty-import-meta': 'silent' }, // only in what is compiled away
  })
  return metafile
}

function refuseSchemaCompiler(bundle: Bundle, files: readonly string[]): void {
  const compiler = files.find((file) => /\/ajv\/(?!dist\/runtime\/)/.test(file))
  const text = readFileSync(bundleFile(bundle), 'utf8')
  if (compiler === undefined && !text.includes('new Ajv(')) return
  throw new Error(
    `${bundle.name} would hold or call the schema compiler (${compiler ?? 'lib/cni/schema.ts'}): ` +
      'define schemas in files named *-schema.ts, which are compiled here',
  )
}

function refuseSlowModules(bundle: Bundle, { outputs }: Metafile): void {
  const allowed = [...loaded, ...(bundle.slowModules ?? [])]
  const imported = Object.values(outputs).flatMap(({ imports }) => imports)
  for (const { path } of imported) {
    if (allowed.includes(path.replace('node:', ''))) continue
    throw new Error(
      `${bundle.name} would load ${path} in every process: ` +
        'load it where it is needed, by getBuiltinModule, or allow it here when it loads fast',
    )
  }
}
