import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { build } from 'esbuild'
import t from 'tap'
import { lazyConstants, lazyIpNum } from '../../../scripts/build/lazy-ip-num.ts'

const require = createRequire(import.meta.url)
const source = readFileSync(require.resolve('ip-num/dist/src/IPNumber.js'), 'utf8')

t.test('no constant is left to be made at import', async (t) => {
  t.match(source, /^IPv6\.PRIVATE_RANGE = /m)
  t.notMatch(lazyConstants(source), /^IPv[46]\.[A-Z_]+ = /m)
})

t.test('ip-num works as before in a bundle', async (t) => {
  const { outputFiles } = await build({
    stdin: { contents: "export * from 'ip-num'", resolveDir: import.meta.dirname },
    plugins: [lazyIpNum],
    bundle: true,
    format: 'cjs',
    write: false,
  })
  const module: { exports: typeof import('ip-num') } = { exports: {} as typeof import('ip-num') }
  new Function('module', outputFiles[0]?.text ?? '')(module)
  const { IPv4, IPv6 } = module.exports
  t.equal(IPv4.fromString('10.1.2.3').isPrivate(), true)
  t.equal(IPv4.fromString('10.1.2.3').isMulticast(), false)
  t.equal(IPv6.fromString('fd00::1').isPrivate(), true)
  t.equal(IPv6.fromString('fe80::1').isLinkLocal(), true)
})

t.test('a version of ip-num with other constants is refused', async (t) => {
  const changed = `${source}\nIPv4.BENCHMARK_RANGE = range("198.18.0.0/15");\n`
  t.throws(() => lazyConstants(changed), { message: /IPNumber\.js has changed.*BENCHMARK_RANGE/ })
  t.throws(() => lazyConstants(''), { message: /has changed/ })
})
