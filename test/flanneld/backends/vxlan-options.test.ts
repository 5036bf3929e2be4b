import fc from 'fast-check'
import t from 'tap'
import { parseVxlanOptions } from '../../../flanneld/backends/vxlan-options.ts'
import { DetailedError } from '../../../lib/base/errors.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const defaults = {
  ...{ vni: 1, port: 0, mtu: undefined, gbp: false, learning: false, directRouting: false },
}

t.test('defaults', async (t) => {
  t.strictSame(parseVxlanOptions({}), defaults)
  t.strictSame(parseVxlanOptions({ Type: 'vxlan', MTU: 0, vni: null, Unknown: 5 }), defaults)
})

t.test('keys in any case', async (t) => {
  const wanted = { vni: 7, port: 4789, mtu: 1400, gbp: true, learning: true, directRouting: true }
  for (const spell of ['toString', 'toLowerCase', 'toUpperCase'] as const) {
    const options = Object.entries({
      ...{ VNI: 7, Port: 4789, MTU: 1400, GBP: true, Learning: true, DirectRouting: true },
    }).map(([key, value]) => [key[spell](), value])
    t.strictSame(parseVxlanOptions(Object.fromEntries(options)), wanted, spell)
  }
})

for (const [key, value, expected] of [
  ['VNI', -1, 'must be >= 0'],
  ['VNI', 16_777_216, 'must be <= 16777215'],
  ['VNI', '1', 'must be integer'],
  ['VNI', 1.5, 'must be integer'],
  ['Port', 65_536, 'must be <= 65535'],
  ['MTU', 'large', 'must be integer'],
  ['GBP', 1, 'must be boolean'],
  ['Learning', 'true', 'must be boolean'],
  ['DirectRouting', [], 'must be boolean'],
] as const) {
  t.test(`${key}: ${JSON.stringify(value)}`, async (t) => {
    const { message, details } = thrownDetailed(() => parseVxlanOptions({ [key]: value }))
    t.equal(message, `the network configuration: Backend.${key} ${expected}`)
    t.equal(details, `found ${JSON.stringify(value)}`)
  })
}

t.test('whatever is configured, there are options or an error for people', async () => {
  const key = fc.oneof(
    fc.constantFrom('VNI', 'vni', 'Port', 'MTU', 'mtu', 'GBP', 'Learning', 'directrouting'),
    fc.string(),
  )
  const value = fc.oneof(fc.jsonValue(), fc.integer(), fc.boolean(), fc.constant(undefined))
  fc.assert(
    fc.property(fc.dictionary(key, value), (options) => {
      try {
        const { vni, port, mtu = 0 } = parseVxlanOptions(options)
        return [vni, port, mtu].every((number) => Number.isInteger(number) && number >= 0)
      } catch (error) {
        return error instanceof DetailedError
      }
    }),
    { numRuns: 500 },
  )
})
