import t from 'tap'
import { parseJson } from '../../../lib/cni/parse-json.ts'
import { thrown } from '../../support/thrown.ts'

t.test('parses any JSON', async (t) => {
  t.strictSame(parseJson(' {"a": [1, null]}\n', 'x'), { a: [1, null] })
  t.equal(parseJson('null', 'x'), null)
})

const refused: [text: string, problem: RegExp][] = [
  ['', /^Unexpected end of JSON input$/],
  [
    '{"a":\n\n1,\n}',
    /^Expected double-quoted property name in JSON at position 10 \(line 4 column 1\)/,
  ],
  ['{} x', /^Unexpected non-whitespace character after JSON at position 3/],
  ['\ufeff{}', /^begins with a byte order mark \(U\+FEFF\)$/],
]

t.test('says what is wrong, on one line', async (t) => {
  for (const [text, problem] of refused) {
    const error = thrown(() => parseJson(text, 'reading: ', 'expected an object'))
    t.match(error, { code: 6, details: 'expected an object' })
    t.match(error.message.replace('reading: ', ''), problem)
    t.notMatch(error.message, '\n')
  }
  t.equal(thrown(() => parseJson('', '')).details, '')
})
