import fc from 'fast-check'
import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import { parseNetConf } from '../../../lib/cni/net-conf.ts'
import { thrown } from '../../support/thrown.ts'

const prefix = 'error unmarshall network config: '

t.test('reads the keys that every configuration has, in any case', async (t) => {
  t.strictSame(parseNetConf('{"name":"net1"}'), { name: 'net1', cniVersion: '' })
  t.strictSame(parseNetConf('{"Name":"net1","CNIVERSION":"1.0.0","Type":"x","LOG":"debug"}'), {
    name: 'net1',
    cniVersion: '1.0.0',
    type: 'x',
    log: 'debug',
  })
  t.equal(parseNetConf('{"name":"one","NAME":"two"}').name, 'two', 'the last one counts')
  t.equal(parseNetConf('{"name":"one","Name":null}').name, 'one', 'null leaves it')
  t.notOk('prevResult' in parseNetConf('{"name":"net1","prevResult":null}'))
})

t.test('keeps every other key as it stands', async (t) => {
  const conf = { name: 'net1', cniVersion: '', capabilities: { ips: true }, Other: [null, 1] }
  t.strictSame(parseNetConf(JSON.stringify(conf)), conf)
  t.ok('none' in parseNetConf('{"name":"net1","none":null}'))
})

t.test('takes __proto__ for a key like any other', async (t) => {
  const conf = parseNetConf('{"name":"net1","__proto__":{"cniVersion":"9"},"constructor":5}')
  t.equal(conf.cniVersion, '')
  t.equal(conf['toString'], Object.prototype.toString)
  t.strictSame(Object.keys(conf).sort(), ['__proto__', 'cniVersion', 'constructor', 'name'])
  t.equal(({} as { cniVersion?: string }).cniVersion, undefined)
})

const undecodable: [stdin: string, problem: string | RegExp][] = [
  ['', 'Unexpected end of JSON input'],
  ['{"name":"net1"', /^Expected/],
  ['{"name":"net1"} x', /^Unexpected non-whitespace character after JSON/],
  ['\ufeff{"name":"net1"}', 'begins with a byte order mark (U+FEFF)'],
  ['null', 'expected an object, found null'],
  ['[{"name":"net1"}]', 'expected an object, found an array'],
  ['"net1"', 'expected an object, found a string'],
  ['5', 'expected an object, found a number'],
  ['{"name":5}', 'name must be a string, found a number'],
  ['{"name":{}}', 'name must be a string, found an object'],
  ['{"name":"net1","cniVersion":1.0}', 'cniVersion must be a string, found a number'],
  ['{"name":"net1","cniVersion":["1.0.0"]}', 'cniVersion must be a string, found an array'],
  [`{"name":"net1","a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 'nested deeper than 200 levels'],
  [`${'{"a":'.repeat(201)}1${'}'.repeat(201)}`, 'nested deeper than 200 levels'],
]

t.test('gives code 6 to what is no configuration', async (t) => {
  for (const [stdin, problem] of undecodable) {
    const error = thrown(() => parseNetConf(stdin))
    t.match(error, { code: 6, details: 'stdin must hold one JSON object' })
    t.equal(error.message.slice(0, prefix.length), prefix)
    t.match(error.message.slice(prefix.length), problem)
  }
})

t.test('allows 200 levels', async (t) => {
  const nested = `${'['.repeat(199)}${']'.repeat(199)}`
  t.doesNotThrow(() => parseNetConf(`{"name":"net1","a":${nested}}`))
})

t.test('gives code 7 to a name that is missing or no name', async (t) => {
  for (const stdin of ['{}', '{"name":""}', '{"name":null}', '{"cniVersion":"1.1.0"}']) {
    const error = thrown(() => parseNetConf(stdin))
    t.equal(error.message, 'missing network name', stdin)
    t.match(error, { code: 7, details: '"name"' })
  }
  for (const name of ['../x', 'a/b', 'a\n', '-a', 'ä', '__proto__']) {
    t.strictSame(thrown(() => parseNetConf(JSON.stringify({ name }))).toObject(), {
      code: 7,
      msg: 'invalid characters found in network name',
      details: name,
    })
  }
})

/** Either way, no other error comes out. */
function parsesOrRefuses(stdin: string): boolean {
  try {
    return parseNetConf(stdin).name !== ''
  } catch (error) {
    return error instanceof CniError
  }
}

t.test('throws nothing but CniErrors', async (t) => {
  const keys = fc.constantFrom('name', 'Name', 'cniVersion', 'type', 'prevResult', 'log', 'x')
  const confs = fc.dictionary(keys, fc.jsonValue()).map((conf) => JSON.stringify(conf))
  const bytes = fc.uint8Array().map((array) => Buffer.from(array).toString('utf8'))
  for (const texts of [bytes, fc.string(), fc.json(), confs]) {
    t.doesNotThrow(() => fc.assert(fc.property(texts, parsesOrRefuses)))
  }
})
