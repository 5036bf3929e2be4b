/**
 * Bundles the plugins into one CommonJS file, the form that a single executable needs:
 * `build.ts [entry [outfile]]`.
 */
import { readFileSync } from 'node:fs'
import { build, type Metafile } from 'esbuild'
import { compiledSchemas } from './build/compiled-schemas.ts'
import { lazyIpNum } from './build/lazy-ip-num.ts'

const [entry = 'plugins/main.ts', outfile = 'dist/cni.cjs'] = process.argv.slice(2)

const { metafile } = await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node26',
  external: ['node:*'],
  // proper-lockfile takes any fs, and what graceful-fs adds is for many open files at once.
  alias: { 'graceful-fs': 'node:fs' },
  plugins: [compiledSchemas, lazyIpNum],
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  metafile: true,
  logOverride: { 'empty-import-meta': 'silent' }, // only in what is compiled away
})

const compiler = schemaCompiler(metafile)
if (compiler !== undefined) {
  throw new Error(
    `${outfile} would hold the schema compiler (${compiler}): ` +
      'define schemas in files named *-schema.ts, which are compiled here',
  )
}

/** What of the schema compiler is in the bundle; the helpers of compiled schemas are none of it. */
function schemaCompiler({ outputs }: Metafile): string | undefined {
  if (readFileSync(outfile, 'utf8').includes('new Ajv(')) return 'lib/cni/schema.ts calls it'
  const bundled = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs))
  return bundled.find((file) => /\/ajv\/(?!dist\/runtime\/)/.test(file))
}
