/**
 * Bundles the plugins into one CommonJS file, the form that a single executable needs:
 * `build.ts [entry [outfile]]`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { compiledSchemas } from './build/compiled-schemas.ts'
import { inlinedTexts } from './build/inlined-texts.ts'
import { lazyIpNum } from './build/lazy-ip-num.ts'

// Modules of Node that load in a fraction of a millisecond.
const loaded = ['diagnostics_channel', 'ffi', 'fs', 'module', 'os', 'path', 'process', 'util']

const [entry = 'plugins/main.ts', outfile = 'dist/cni.cjs'] = process.argv.slice(2)

const { metafile } = await build({
  entryPoints: [entry],
  outfile,
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

const bundled = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs))
const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports)

const compiler = bundled.find((file) => /\/ajv\/(?!dist\/runtime\/)/.test(file))
if (compiler !== undefined || readFileSync(outfile, 'utf8').includes('new Ajv(')) {
  throw new Error(
    `${outfile} would hold or call the schema compiler (${compiler ?? 'lib/cni/schema.ts'}): ` +
      'define schemas in files named *-schema.ts, which are compiled here',
  )
}

const packages = new Set(
  bundled.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []),
)
writeFileSync(join(dirname(outfile), 'packages.json'), JSON.stringify([...packages].sort()))

for (const { path } of imported) {
  if (loaded.includes(path.replace('node:', ''))) continue
  throw new Error(
    `${outfile} would load ${path} in every call of every plugin: ` +
      'load it where it is needed, by getBuiltinModule, or allow it here when it loads fast',
  )
}
