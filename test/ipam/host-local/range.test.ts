import fc from 'fast-check'
import t from 'tap'
import {
  candidates,
  capacity,
  formatRangeSet,
  isAllocatable,
  rangeFor,
  type RangeSet,
  setsOverlap,
} from '../../../ipam/host-local/range.ts'
import { formatIp, ipFromValue } from '../../../lib/ip/ip.ts'
import { ip, setOf } from './builders.ts'

function order(set: RangeSet, last?: string): string[] {
  return [...candidates(set, last === undefined ? undefined : ip(last))].map((c) => formatIp(c.ip))
}

const hosts = (prefix: string, ...lastOctets: number[]) => lastOctets.map((n) => `${prefix}.${n}`)

t.test('gives out every address but the gateway, behind the last one', async (t) => {
  const set = setOf('192.168.1.0/29')
  t.strictSame(order(set), hosts('192.168.1', 2, 3, 4, 5, 6))
  t.strictSame(order(set, '192.168.1.3'), hosts('192.168.1', 4, 5, 6, 2, 3))
  t.strictSame(order(set, '192.168.1.6'), hosts('192.168.1', 2, 3, 4, 5, 6))
  t.strictSame(order(set, '192.168.1.1'), hosts('192.168.1', 2, 3, 4, 5, 6))
  t.strictSame(order(set, '10.9.9.9'), hosts('192.168.1', 2, 3, 4, 5, 6), 'last is elsewhere')
  t.strictSame(order(set, '2001:db8::1'), hosts('192.168.1', 2, 3, 4, 5, 6), 'of another family')
})

t.test('goes on from range to range', async (t) => {
  const set = setOf('10.0.0.0/30', '10.0.1.0/30', '10.0.2.0/30')
  t.strictSame(order(set), ['10.0.0.2', '10.0.1.2', '10.0.2.2'])
  t.strictSame(order(set, '10.0.0.2'), ['10.0.1.2', '10.0.2.2', '10.0.0.2'])
  t.strictSame(order(set, '10.0.2.2'), ['10.0.0.2', '10.0.1.2', '10.0.2.2'])
})

t.test('a configured start is honoured, the network address included', async (t) => {
  const set = setOf({
    subnet: '10.0.0.0/29',
    rangeStart: '10.0.0.0',
    rangeEnd: '10.0.0.3',
    gateway: '10.0.0.2',
  })
  t.strictSame(order(set), hosts('10.0.0', 0, 1, 3))
})

t.test('a range that is only its gateway has nothing to give', async (t) => {
  const set = setOf({ subnet: '10.0.0.0/29', rangeStart: '10.0.0.1', rangeEnd: '10.0.0.1' })
  t.strictSame(order(set), [])
  t.equal(capacity(set), 0n)
})

t.test('a huge range is not walked through', async (t) => {
  const set = setOf('2001:db8::/64')
  t.equal(capacity(set), 2n ** 64n - 2n)
  const next = candidates(set, ip('2001:db8::ffff:ffff:ffff:ffff')).next().value
  t.equal(next && formatIp(next.ip), '2001:db8::2')
})

t.test('sets in words, and what they share', async (t) => {
  const set = setOf('10.0.0.0/30', '10.0.1.0/24')
  t.equal(formatRangeSet(set), '10.0.0.1-10.0.0.2,10.0.1.1-10.0.1.254')
  t.ok(setsOverlap(set, setOf('10.0.0.0/16')))
  t.notOk(setsOverlap(set, setOf('10.0.2.0/24')))
  t.notOk(setsOverlap(setOf('0.0.0.0/0'), setOf('::/0')), 'families never overlap')
})

const arbitrarySet = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 9 })), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) =>
    setOf(
      ...parts.map(([skip, size], index) => ({
        subnet: `10.0.${index}.0/28`,
        rangeStart: `10.0.${index}.${1 + skip}`,
        rangeEnd: `10.0.${index}.${1 + skip + size}`,
      })),
    ),
  )

t.test('from wherever it begins, each address comes once', async () => {
  fc.assert(
    fc.property(arbitrarySet, fc.integer({ min: 0, max: 0x3ff }), (set, offset) => {
      const last = ipFromValue(4, 0x0a000000n + BigInt(offset))
      const all = [...candidates(set, undefined)].map((candidate) => formatIp(candidate.ip))
      const from = [...candidates(set, last)].map((candidate) => formatIp(candidate.ip))
      const sorted = (list: string[]) => [...list].sort().join()
      return (
        BigInt(all.length) === capacity(set) &&
        new Set(all).size === all.length &&
        sorted(all) === sorted(from) &&
        (!isAllocatable(set, last) || from.at(-1) === formatIp(last)) &&
        all.every((address) => rangeFor(set, ip(address)) !== undefined)
      )
    }),
  )
})
