import t from 'tap'
import {
  formatHostPort,
  formatMapping,
  ofFamily,
  overlap,
  parseMapping,
} from '../../../plugins/portmap/mapping.ts'

const parse = (hostPort: number, protocol: string, hostIP?: string) =>
  parseMapping({ hostPort, containerPort: 80, protocol, ...(hostIP && { hostIP }) }, 'it')

const everywhere = parse(8080, 'tcp')
const on4 = parse(8080, 'tcp', '192.0.2.1')
const other4 = parse(8080, 'tcp', '192.0.2.2')
const on6 = parse(8080, 'tcp', '2001:db8::1')
const any4 = parse(8080, 'tcp', '0.0.0.0')
const any6 = parse(8080, 'tcp', '::')

t.test('which family it is for', async (t) => {
  const all = [everywhere, on4, on6, any4, any6]
  t.strictSame(ofFamily(all, 4), [everywhere, on4, any4])
  t.strictSame(ofFamily(all, 6), [everywhere, on6, any6])
  t.strictSame(ofFamily([parse(1, 'tcp', '::ffff:192.0.2.1')], 4).length, 1)
})

t.test('whether two are for the same packets', async (t) => {
  const pairs = [
    [everywhere, everywhere, true],
    [everywhere, on4, true],
    [everywhere, any6, true],
    [on4, on4, true],
    [on4, any4, true],
    [on4, other4, false],
    [on4, on6, false],
    [on4, any6, false],
    [any4, any6, false],
    [everywhere, parse(8081, 'tcp'), false],
    [everywhere, parse(8080, 'udp'), false],
  ] as const
  for (const [a, b, expected] of pairs) {
    const name = `${formatHostPort(a)} ${formatHostPort(b)}`
    t.equal(overlap(a, b), expected, name)
    t.equal(overlap(b, a), expected, name)
  }
})

t.test('as text, and as runtimes write it', async (t) => {
  t.strictSame([everywhere, on4, on6].map(formatHostPort), [
    ...['8080/tcp', '192.0.2.1:8080/tcp', '[2001:db8::1]:8080/tcp'],
  ])
  for (const mapping of [everywhere, on4, on6, any4, any6]) {
    t.strictSame(parseMapping(formatMapping(mapping), 'it'), mapping)
  }
})
