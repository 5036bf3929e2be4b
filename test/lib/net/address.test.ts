import t from 'tap'
import { formatCidr, formatIp } from '../../../lib/ip/ip.ts'
import {
  addressAdd,
  addressAddition,
  addressDelete,
  addressDeletion,
  addressList,
  addressListAll,
  addressRestore,
} from '../../../lib/net/address.ts'
import { linkSet, vethAdd } from '../../../lib/net/link.ts'
import { addNamespace, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { cidr, ip } from '../../support/address.ts'
import { connect } from '../../support/connect.ts'
import { addresses, globalCidrs } from '../../support/ip.ts'
import { sends } from '../../support/netlink.ts'

const options = { skip: kernelSkip() }

/** A namespace with a veth pair whose ends are up. */
function makeLink(scope: Scope) {
  const node = addNamespace(scope)
  const connection = connect(scope, node)
  const { index } = vethAdd(connection, { name: 'eth0', peer: { name: 'veth1' } })
  runSync(['ip', '-n', node.name, 'link', 'set', 'veth1', 'up'])
  return { node, connection, index }
}

t.test('requests are those of iproute2', async (t) => {
  const nodad = { cidr: cidr('fd00:10:244:1::1/64'), nodad: true }
  for (const { flags, wantedFlags } of [
    sends(t, 'address-add', (c) => addressAdd(c, 5, { cidr: cidr('10.244.1.1/24') })),
    sends(t, 'address-add-nodad', (c) => addressAdd(c, 5, nodad)),
    sends(t, 'address-delete', (c) => addressDelete(c, 5, cidr('10.244.1.9/24'))),
  ]) {
    t.equal(flags, wantedFlags)
  }
})

t.test('an IPv4 address with its broadcast address', options, async (t) => {
  const { node, connection, index } = makeLink(t)
  const broadcast = ip('10.1.255.254')
  addressAdd(connection, index, { cidr: cidr('10.244.1.5/24') })
  addressAdd(connection, index, { cidr: cidr('10.1.0.1/16'), broadcast })
  addressAdd(connection, index, { cidr: cidr('10.2.0.0/31') })
  const shown = addresses(node, 'eth0').filter(({ family }) => family === 'inet')
  t.match(shown, [
    { local: '10.244.1.5', prefixlen: 24, broadcast: '10.244.1.255', scope: 'global' },
    { local: '10.1.0.1', prefixlen: 16, broadcast: '10.1.255.254' },
    { local: '10.2.0.0', prefixlen: 31 },
  ])
  t.notOk(shown[2] && 'broadcast' in shown[2])
  const listed = addressList(connection, index, 4)
  t.strictSame(
    listed.map((address) => formatCidr(address.cidr)),
    ['10.244.1.5/24', '10.1.0.1/16', '10.2.0.0/31'],
  )
  t.match(listed[0], { scope: 0, permanent: true, tentative: false, dadFailed: false })
  t.equal(listed[0]?.broadcast && formatIp(listed[0].broadcast), '10.244.1.255')
})

t.test('an IPv6 address with nodad is usable at once', options, async (t) => {
  const { node, connection, index } = makeLink(t)
  addressAdd(connection, index, { cidr: cidr('fd00::1/64') })
  addressAdd(connection, index, { cidr: cidr('fd00::2/64'), nodad: true })
  const tentative = Object.fromEntries(
    addressList(connection, index, 6).map((a) => [formatIp(a.cidr.ip), a.tentative]),
  )
  t.match(tentative, { 'fd00::1': true, 'fd00::2': false })
  const shown = addresses(node, 'eth0')
  t.notOk(shown.find(({ local }) => local === 'fd00::2')?.tentative)
})

t.test('a duplicate address is found out', options, async (t) => {
  const { node, connection, index } = makeLink(t)
  runSync(['ip', '-n', node.name, 'address', 'add', 'fd00::1/64', 'dev', 'veth1', 'nodad'])
  addressAdd(connection, index, { cidr: cidr('fd00::1/64') })
  const found = () =>
    addressList(connection, index, 6).find((a) => formatCidr(a.cidr) === 'fd00::1/64')
  for (let tries = 0; tries < 50 && found()?.tentative; tries++) {
    if (found()?.dadFailed) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.match(found(), { dadFailed: true })
})

t.test('an address that is there already', options, async (t) => {
  const { connection, index } = makeLink(t)
  addressAdd(connection, index, { cidr: cidr('10.244.1.5/24') })
  t.throws(() => addressAdd(connection, index, { cidr: cidr('10.244.1.5/24') }), {
    message: 'file exists',
    code: 'EEXIST',
    // older kernels have no words for it
    details: new RegExp(
      `^address add 10.244.1.5/24 dev if${index}(: ipv4: Address already assigned)?$`,
    ),
  })
})

t.test('deleting', options, async (t) => {
  const { node, connection, index } = makeLink(t)
  for (const text of ['10.244.1.5/24', 'fd00::1/64']) {
    addressAdd(connection, index, { cidr: cidr(text), nodad: true })
    addressDelete(connection, index, cidr(text))
    t.throws(() => addressDelete(connection, index, cidr(text)), {
      message: 'cannot assign requested address',
      code: 'EADDRNOTAVAIL',
    })
  }
  t.strictSame(
    addresses(node, 'eth0').filter(({ scope }) => scope === 'global'),
    [],
  )
})

t.test('restoring', options, async (t) => {
  const { node, connection, index } = makeLink(t)
  const ip = (...args: string[]) => runSync(['ip', '-n', node.name, 'address', ...args])
  ip('add', '10.1.2.1/24', 'brd', '10.1.2.127', 'scope', 'link', 'label', 'eth0:x', 'dev', 'eth0')
  ip('add', 'fd00::1/64', 'nodad', 'noprefixroute', 'dev', 'eth0')
  const before = addresses(node, 'eth0')
  const restored = addressList(connection, index).filter(
    ({ cidr }) => !formatCidr(cidr).startsWith('fe80'),
  )
  t.equal(restored.length, 2)
  for (const address of restored) {
    addressDelete(connection, index, address.cidr)
    addressRestore(connection, index, address)
    t.throws(() => addressRestore(connection, index, address), { code: 'EEXIST' })
  }
  const byText = (a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b))
  t.strictSame([...addresses(node, 'eth0')].sort(byText), [...before].sort(byText))
})

t.test('one link and one family at a time', options, async (t) => {
  const { connection, index } = makeLink(t)
  linkSet(connection, 1, { up: true })
  addressAdd(connection, index, { cidr: cidr('10.244.1.5/24') })
  addressAdd(connection, index, { cidr: cidr('fd00::1/64'), nodad: true })
  const listed = (of?: 4 | 6, link = index) =>
    addressList(connection, link, of).map((address) => formatCidr(address.cidr))
  t.strictSame(listed(4), ['10.244.1.5/24'])
  t.ok(listed(6).includes('fd00::1/64'))
  t.notOk(listed(6).includes('10.244.1.5/24'))
  t.ok(listed().includes('10.244.1.5/24') && listed().includes('fd00::1/64'))
  t.strictSame(listed(undefined, 1), ['127.0.0.1/8', '::1/128'])
  t.throws(() => listed(4, 4711), { code: 'ENODEV' })
})

t.test('all links, and which addresses are not to be preferred', options, async (t) => {
  const { node, connection, index } = makeLink(t)
  const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
  ip('link', 'set', 'lo', 'up')
  ip('address', 'add', '10.244.1.5/24', 'dev', 'eth0')
  ip('address', 'add', '10.244.1.6/24', 'dev', 'eth0')
  const old = ['valid_lft', '600', 'preferred_lft', '0', 'nodad']
  ip('address', 'add', 'fd00::1/64', 'dev', 'eth0', ...old)
  const traits = addressListAll(connection)
    .filter(({ cidr }) => !formatCidr(cidr).startsWith('fe80'))
    .map((a) => [formatCidr(a.cidr), a.linkIndex, a.temporary, a.deprecated, a.permanent])
  t.strictSame(traits, [
    ['127.0.0.1/8', 1, false, false, true],
    ['10.244.1.5/24', index, false, false, true],
    ['10.244.1.6/24', index, true, false, true],
    ['::1/128', 1, false, false, true],
    ['fd00::1/64', index, false, true, false],
  ])
})

t.test('additions and removals that go out together', options, async (t) => {
  const { node, connection, index } = makeLink(t)
  const four = cidr('10.244.1.0/32')
  const six = cidr('fd00:10:244:1::/128')
  const outcomes = connection.attemptAll([
    addressAddition(index, { cidr: four }),
    addressAddition(index, { cidr: four }),
    addressAddition(index, { cidr: six, nodad: true }),
    addressDeletion(index, cidr('10.244.9.0/32')),
    addressAddition(999, { cidr: four }),
  ])
  t.strictSame(
    outcomes.map((error) => error?.code),
    [undefined, 'EEXIST', undefined, 'EADDRNOTAVAIL', 'ENODEV'],
  )
  t.match(outcomes[1]?.details, `address add 10.244.1.0/32 dev if${index}`)
  const seen = () => globalCidrs(node, 'eth0')
  t.strictSame(seen(), ['10.244.1.0/32', 'fd00:10:244:1::/128'])
  connection.executeAll([four, six].map((each) => addressDeletion(index, each)))
  t.strictSame(seen(), [])
})
