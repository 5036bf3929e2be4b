/**
 * Bundles the plugins into one CommonJS file, the form that a single executable needs:
 * `build.ts [entry [outfile]]`.
 */
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
      'define schemas in files named conf-schema.ts, which are compiled here',
  )
}

/** A file of ajv in the bundle other than the helpers that compiled schemas call. */
function schemaCompiler({ outputs }: Metafile): string | undefined {
  const bundled = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs))
  return bundled.find((file) => /\/ajv\/(?!dist\/runtime\/)/.test(file))
}
