import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'
import { inlinedModule, inlinedTexts } from '../../../scripts/build/inlined-texts.ts'

const root = join(import.meta.dirname, '../../..')

t.test('a bundle holds the text, byte for byte, and does not look for the file', async (t) => {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'commands/install/conflist-text.ts')],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    plugins: [inlinedTexts],
    write: false,
  })
  const source = outputFiles[0]?.text ?? ''
  t.notMatch(source, 'readFileSync')
  const module = { exports: { conflistText: '' } }
  new Function('module', source)(module)
  const conflist = readFileSync(join(root, 'conf/10-flannel.conflist'), 'utf8')
  t.equal(module.exports.conflistText, conflist)
})

t.test('what is no text is refused', async (t) => {
  t.equal(inlinedModule({ a: 'x\n"' }), 'export const a = "x\\n\\""')
  t.throws(() => inlinedModule({ a: 'x', b: 1 }), { message: /b is a number$/ })
})
