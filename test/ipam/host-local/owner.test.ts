import fc from 'fast-check'
import t from 'tap'
import {
  checkOwner,
  createOwner,
  describeOwner,
  formatOwner,
  isOwnedBy,
  isSameOwner,
  parseOwner,
  unknownOwner,
} from '../../../ipam/host-local/owner.ts'
import { checkIfName } from '../../../lib/cni/names.ts'
import { thrown } from '../../support/thrown.ts'

t.test('reads what it writes', async (t) => {
  for (const owner of [createOwner('c1', 'eth0'), createOwner('A_b.c-9', 'veth@if7')]) {
    t.strictSame(parseOwner(formatOwner(owner)), owner)
  }
})

t.test('what cannot be read back is refused', async (t) => {
  for (const ifName of ['eth\x01', '\x1b[2J', 'eth\ufffd', '\ufeffeth0', 'eth\x7f']) {
    t.doesNotThrow(() => checkIfName(ifName), 'the kernel would take it')
    t.match(
      thrown(() => checkOwner(createOwner('c1', ifName))),
      { code: 4, details: /control characters/ },
    )
  }
  const isKept = fc.property(fc.string({ unit: 'binary', maxLength: 6 }), (ifName) => {
    const owner = createOwner('c1', ifName)
    try {
      checkIfName(ifName)
      checkOwner(owner)
    } catch {
      return true // refused
    }
    return isSameOwner(parseOwner(formatOwner(owner)), owner)
  })
  fc.assert(isKept, { numRuns: 2000 })
})

t.test('white space around the content does not count', async (t) => {
  t.strictSame(parseOwner('\n c1\r\neth0 \n'), createOwner('c1', 'eth0'))
  t.strictSame(parseOwner('c1\r\n'), { containerId: 'c1', ifName: '' })
})

t.test('what is no owner', async (t) => {
  const texts = ['', ' \r\n', '\0', 'c1 c2', '-c1', 'c1\neth0', 'c1\r\neth0\r\n1', 'c1\r\n/', 'é']
  for (const text of texts) t.equal(parseOwner(text), undefined, JSON.stringify(text))
})

t.test('an old file fits every interface of its container', async (t) => {
  const attachment = createOwner('c1', 'eth0')
  t.ok(isOwnedBy(createOwner('c1', 'eth0'), attachment))
  t.ok(isOwnedBy(createOwner('c1', ''), attachment))
  t.notOk(isOwnedBy(createOwner('c1', 'eth1'), attachment))
  t.notOk(isOwnedBy(createOwner('c2', 'eth0'), attachment))
  t.notOk(isOwnedBy(unknownOwner, attachment))
})

t.test('an old file is not the same as any other', async (t) => {
  const owner = createOwner('c1', 'eth0')
  t.ok(isSameOwner(createOwner('c1', 'eth0'), owner))
  t.notOk(isSameOwner(createOwner('c1', ''), owner))
  t.notOk(isSameOwner(createOwner('c2', 'eth0'), owner))
  t.notOk(isSameOwner(undefined, owner))
})

t.test('in words', async (t) => {
  t.equal(describeOwner(createOwner('c1', 'eth0')), 'container c1, interface eth0')
  t.equal(describeOwner(createOwner('c1', '')), 'container c1')
  t.equal(describeOwner(unknownOwner), 'something that is no address file')
})
