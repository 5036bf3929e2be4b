import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import { canonicalize, defineSchema, readConf, readValue } from '../../../lib/cni/schema.ts'
import { thrown } from '../../support/thrown.ts'

interface Conf {
  bridge?: string
  mtu?: number
  mode?: string
  routes?: { dst?: string }[]
  runtimeConfig?: { mac?: string }
}

const text = { type: 'string' }
const confSchema = defineSchema<Conf>({
  type: 'object',
  properties: {
    bridge: text,
    mtu: { type: 'integer', minimum: 0 },
    mode: { enum: ['l2', 'l3'] },
    routes: {
      type: 'array',
      items: { type: 'object', required: ['dst'], properties: { dst: text } },
    },
    runtimeConfig: { type: 'object', properties: { mac: text } },
  },
})

const accepted: [value: object, want: object][] = [
  [{}, {}],
  [{ Bridge: 'cni0' }, { bridge: 'cni0' }],
  [{ bridge: 'a', BRIDGE: 'b' }, { bridge: 'b' }],
  [{ BRIDGE: 'b', bridge: 'a' }, { bridge: 'a' }],
  [{ bridge: 'a', Bridge: null }, { bridge: 'a' }],
  [{ mtu: null, mode: 'l2' }, { mode: 'l2' }],
  [
    { Other: 1, none: null },
    { Other: 1, none: null },
  ],
  [{ RuntimeConfig: { MAC: 'x', IPs: [] } }, { runtimeConfig: { mac: 'x', IPs: [] } }],
  [{ routes: [{ DST: 'x', dst: null }] }, { routes: [{ dst: 'x' }] }],
]

t.test('reads keys in any case, null as missing, unknown ones as they are', async (t) => {
  for (const [value, want] of accepted) {
    t.strictSame(readConf(confSchema, value, ''), want, JSON.stringify(value))
  }
})

t.test('leaves the value itself as it is', async (t) => {
  const value = { Bridge: 'cni0', mtu: null, runtimeConfig: { MAC: 'x' } }
  const before = structuredClone(value)
  readConf(confSchema, value, '')
  t.strictSame(value, before)
})

const long = 'x'.repeat(200)
const refused: [value: unknown, message: string, found: string][] = [
  ['text', 'the configuration must be object', '"text"'],
  [{ bridge: 5 }, 'bridge must be string', '5'],
  [{ MTU: '1400' }, 'mtu must be integer', '"1400"'],
  [{ mtu: 1400.5 }, 'mtu must be integer', '1400.5'],
  [{ mtu: -1 }, 'mtu must be >= 0', '-1'],
  [{ mode: 'l4' }, 'mode must be one of "l2", "l3"', '"l4"'],
  [{ routes: {} }, 'routes must be array', '{}'],
  [{ routes: [{ dst: 'x' }, {}] }, "routes.1 must have required property 'dst'", '{}'],
  [{ routes: [null] }, 'routes.0 must be object', 'null'],
  [{ runtimeConfig: { Mac: [] } }, 'runtimeConfig.mac must be string', '[]'],
  [{ bridge: [long] }, 'bridge must be string', `["${long.slice(2, 100)}…`],
]

t.test('says where a configuration is wrong, what was expected and what was found', async (t) => {
  for (const [value, message, found] of refused) {
    t.strictSame(thrown(() => readConf(confSchema, value, 'conf: ')).toObject(), {
      code: 7,
      msg: `conf: ${message}`,
      details: `found ${found} in the network configuration; correct it there`,
    })
  }
})

t.test('lets the reader of another value word its error', async (t) => {
  const error = thrown(() =>
    readValue(confSchema, { mtu: 'x' }, ({ path, expected, found }) => {
      return new CniError(100, `${path} ${expected} and not ${found}`)
    }),
  )
  t.strictSame(error.toObject(), { code: 100, msg: 'mtu must be integer and not "x"' })
})

t.test('knows nothing but the keys of the schema', async (t) => {
  const value: unknown = JSON.parse('{"__proto__":{"mtu":"x"},"toString":1,"BRIDGE":"a"}')
  const conf = canonicalize(confSchema.schema, value) as object
  t.strictSame(Object.keys(conf), ['__proto__', 'toString', 'bridge'])
  t.equal(Object.getPrototypeOf(conf), Object.prototype)
  t.strictSame(canonicalize({}, { A: null }), { A: null })
  t.strictSame(canonicalize({ type: 'array' }, [{ A: 1 }]), [{ A: 1 }])
})
