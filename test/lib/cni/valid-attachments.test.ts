import t from 'tap'
import { parseNetConf } from '../../../lib/cni/net-conf.ts'
import { parseValidAttachments } from '../../../lib/cni/valid-attachments.ts'
import { thrown } from '../../support/thrown.ts'

/** What stands in a configuration as it comes, under these keys. */
function parse(keys: object) {
  const conf = parseNetConf(JSON.stringify({ name: 'net1', ...keys }))
  return parseValidAttachments({ ...conf, cniVersion: '1.1.0' })
}

const key = 'cni.dev/valid-attachments'
const olderKey = 'cni.dev/attachments'
const listed = [
  { containerID: 'c1', ifname: 'eth0' },
  { containerID: 'c1', ifname: 'net1', more: 1 },
]
const want = [
  { network: 'net1', containerId: 'c1', ifName: 'eth0' },
  { network: 'net1', containerId: 'c1', ifName: 'net1' },
]

t.test('reads the list under either name', async (t) => {
  t.strictSame(parse({ [key]: listed }), want)
  t.strictSame(parse({ [olderKey]: listed }), want)
  t.strictSame(parse({ [key]: listed, [olderKey]: [] }), want, 'the name of the specification')
  t.strictSame(parse({ [key]: null, [olderKey]: listed }), want)
})

t.test('reads an empty list, which Go writes as null', async (t) => {
  for (const list of [[], null]) {
    t.strictSame(parse({ [key]: list }), [])
    t.strictSame(parse({ [olderKey]: list }), [])
    t.strictSame(parse({ [key]: list, [olderKey]: list }), [])
  }
})

t.test('does not take a missing list for an empty one', async (t) => {
  for (const keys of [{}, { [key]: 'x' }, { [key]: {} }, { 'CNI.dev/valid-attachments': [] }]) {
    t.strictSame(thrown(() => parse(keys)).toObject(), {
      code: 7,
      msg: `${key} must be a list`,
      details: 'GC removes whatever is not in this list; an empty one removes everything',
    })
  }
})

t.test('refuses what names no attachment', async (t) => {
  for (const item of [null, 'c1', [], {}, { containerID: 'c1' }, { containerID: 1, ifname: 'x' }]) {
    t.strictSame(thrown(() => parse({ [key]: [listed[0], item] })).toObject(), {
      code: 7,
      msg: `${key}.1 must be an object with "containerID" and "ifname"`,
      details: `found ${JSON.stringify(item)}`,
    })
  }
})
