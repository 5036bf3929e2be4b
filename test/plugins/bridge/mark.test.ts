import t from 'tap'
import { type Cidr, formatCidr, parseCidr } from '../../../lib/ip/ip.ts'
import {
  canMark,
  formatMark,
  isMarked,
  markedAddresses,
  markIn,
} from '../../../plugins/bridge/mark.ts'

const cidrs = (...texts: string[]): Cidr[] => texts.flatMap((text) => parseCidr(text) ?? [])
const read = (alias: string | undefined) => markedAddresses(alias).map(formatCidr)

t.test('a mark tells the addresses', async (t) => {
  t.equal(formatMark('cni', []), 'cni')
  const alias = formatMark('cni', cidrs('10.1.2.1/24', 'fd00::1/64'))
  t.equal(alias, 'cni gateway 10.1.2.1/24 fd00::1/64')
  t.strictSame(read(alias), ['10.1.2.1/24', 'fd00::1/64'])
  t.strictSame(read('cni'), [])
  for (const each of ['cni', alias]) t.strictSame([isMarked(each), canMark(each)], [true, true])
})

t.test('a mark tells who has made the bridge', async (t) => {
  t.equal(formatMark('cni joined', []), 'cni joined')
  const alias = formatMark('cni joined', cidrs('10.1.2.1/24'))
  t.equal(alias, 'cni joined gateway 10.1.2.1/24')
  t.strictSame(read(alias), ['10.1.2.1/24'])
  t.strictSame(read('cni joined'), [])
  for (const each of ['cni joined', alias]) {
    t.strictSame([isMarked(each), canMark(each), markIn(each)], [true, true, 'cni joined'])
  }
  for (const each of ['cni', 'cni gateway 10.1.2.1/24']) t.equal(markIn(each), 'cni')
  t.equal(markIn('uplink'), undefined)
})

t.test('an alias of somebody else is no mark', async (t) => {
  t.strictSame([isMarked(undefined), canMark(undefined)], [false, true])
  for (const alias of [
    'uplink',
    'cni2',
    'cni joined2',
    'cni gateway',
    'cni/pod/eth0',
    'CNI gateway 10.1.2.1/24',
  ]) {
    t.strictSame([isMarked(alias), canMark(alias), read(alias)], [false, false, []], alias)
  }
  t.strictSame(read('cni gateway 10.1.2.1/24 and more 10.1.2.300/24'), ['10.1.2.1/24'])
})

t.test('an address stands there once, and the oldest give way', async (t) => {
  t.equal(
    formatMark('cni', cidrs('10.1.2.1/24', '10.1.3.1/24', '10.1.2.1/24')),
    'cni gateway 10.1.3.1/24 10.1.2.1/24',
  )
  const many = Array.from({ length: 20 }, (_, i) => `fd00:1234:5678:9abc:${1000 + i}::1/80`)
  const alias = formatMark('cni', cidrs(...many))
  t.ok(alias.length <= 255, `${alias.length}`)
  t.strictSame(read(alias), many.slice(-read(alias).length))
  t.ok(read(alias).length >= 5)
})
