/** Which addresses host-local gives: ranges, range sets, gateways, rotation. */
import type { Case } from '../case.ts'
import { add, check, container, del, hostLocal, life, v4, v6 } from './builders.ts'

/** One ADD for each of so many containers: c1, c2 and so on. */
function adds(count: number) {
  return Array.from({ length: count }, (_, index) => container(`c${index + 1}`, add))
}

const small = { subnet: '192.168.1.0/29' }
const twoSets = [[{ subnet: v4 }], [{ subnet: v6 }]]

export const rangeCases: readonly Case[] = [
  hostLocal('subnet alone', { subnet: v4 }),
  hostLocal('subnet alone, IPv6', { subnet: v6 }),
  hostLocal('start, end and gateway', {
    subnet: v4,
    rangeStart: '10.1.2.50',
    rangeEnd: '10.1.2.60',
    gateway: '10.1.2.254',
  }),
  hostLocal('start, end and gateway, IPv6', {
    subnet: v6,
    rangeStart: 'fd00::50',
    rangeEnd: 'FD00:0::60',
    gateway: 'fd00::ffff',
  }),
  hostLocal('a range set of one range', { ranges: [[{ subnet: v4 }]] }),
  hostLocal(
    'dual stack',
    { ranges: twoSets },
    {
      kernel: 'after changes',
      steps: [...life, del],
      differs: ['no-empty-dns', 'file-mode', 'sandbox-link'],
    },
  ),
  hostLocal('dual stack, IPv6 first', { ranges: twoSets.toReversed() }),
  hostLocal('subnet beside ranges', { subnet: '10.1.9.0/24', ranges: twoSets }),
  hostLocal('start, end and gateway without a subnet', {
    ranges: [[{ subnet: v4 }]],
    rangeStart: '10.9.9.9',
    rangeEnd: '10.9.9.10',
    gateway: '10.9.9.1',
  }),
  hostLocal('three sets', {
    ranges: [[{ subnet: v4 }], [{ subnet: '10.1.3.0/24' }], [{ subnet: v6 }]],
  }),
  hostLocal(
    'several ranges in a set',
    {
      ranges: [[{ subnet: '10.1.2.0/30' }, { subnet: '10.1.3.0/30' }, { subnet: '10.1.4.0/30' }]],
    },
    {
      steps: [...adds(4), container('c1', del), container('c5', add)],
      differs: ['try-again'],
    },
  ),
  hostLocal('a subnet divided between sets', {
    ranges: [[{ subnet: v4, rangeEnd: '10.1.2.99' }], [{ subnet: v4, rangeStart: '10.1.2.100' }]],
  }),
  hostLocal('rotation until all are taken', small, { steps: adds(7), differs: ['try-again'] }),
  hostLocal('rotation goes on behind the last one', small, {
    steps: [add, del, add, del, container('c2', add), add, container('c3', add)],
  }),
  hostLocal('rotation comes back to the start', small, {
    steps: [...adds(5), container('c2', del), container('c4', del), ...adds(9).slice(6)],
    differs: ['try-again'],
  }),
  hostLocal(
    'rotation in IPv6',
    { subnet: 'fd00::/125' },
    { steps: adds(8), differs: ['try-again'] },
  ),
  hostLocal(
    'the gateway in the middle of the range',
    {
      ...small,
      gateway: '192.168.1.3',
    },
    { steps: adds(3) },
  ),
  hostLocal('the gateway outside of the subnet', { subnet: v4, gateway: '10.9.9.9' }),
  hostLocal(
    'a range that begins at the network address',
    {
      subnet: v4,
      rangeStart: '10.1.2.0',
      rangeEnd: '10.1.2.1',
    },
    { steps: adds(2), differs: ['try-again'] },
  ),
  hostLocal(
    'a range that ends at the broadcast address',
    {
      subnet: v4,
      rangeStart: '10.1.2.254',
      rangeEnd: '10.1.2.255',
    },
    { steps: adds(3), differs: ['try-again'] },
  ),
  hostLocal(
    'a range of the gateway alone',
    {
      subnet: v4,
      rangeStart: '10.1.2.1',
      rangeEnd: '10.1.2.1',
    },
    { steps: [add, check, del], differs: ['try-again'] },
  ),
  hostLocal(
    'the smallest subnets',
    { ranges: [[{ subnet: '10.1.2.0/30' }], [{ subnet: 'fd00::/126' }]] },
    {
      steps: adds(3),
      differs: ['try-again'],
    },
  ),
  hostLocal(
    'large subnets',
    { ranges: [[{ subnet: '10.0.0.0/8' }], [{ subnet: 'fc00::/7' }]] },
    {
      steps: adds(2),
    },
  ),
  hostLocal('IPv6 addresses in several spellings', {
    ranges: [[{ subnet: '2001:0DB8:0:0:1:0:0:0/80', gateway: '2001:db8::1:0:0:ff' }]],
  }),
  hostLocal(
    'ranges of the runtime',
    { ranges: twoSets },
    {
      keys: { runtimeConfig: { ipRanges: [[{ subnet: '10.5.5.0/24', rangeStart: '10.5.5.7' }]] } },
    },
  ),
  hostLocal(
    'ranges of the runtime alone',
    {},
    {
      keys: { runtimeConfig: { ipRanges: twoSets } },
    },
  ),
]
