import t from 'tap'
import { restoreText } from '../../../lib/firewall/iptables-write.ts'
import type { Change } from '../../../lib/firewall/transaction.ts'
import {
  chainName,
  ownerComment,
  setUpChanges,
  tearDownChanges,
} from '../../../plugins/bridge/masquerade-iptables.ts'
import { cidr } from '../../support/address.ts'
import { listedByIptables as listed } from '../../support/listed-rule.ts'

const owner = { network: 'mynet', ifName: 'eth0', containerId: 'c1' }
const chain = 'CNI-f0bca4ac77cde1bf2f3da5df'
const comment = 'name: "mynet" id: "c1"'
/** The comment as iptables-restore reads it. */
const about = String.raw`-m comment --comment "name: \"mynet\" id: \"c1\""`

/** Rules as iptables lists them. */
const commented = ['-m', 'comment', '--comment', comment]
const accept = (net: string) => listed(chain, ['-d', net, ...commented, '-j', 'ACCEPT'])
const masquerade = listed(chain, ['!', '-d', '224.0.0.0/4', ...commented, '-j', 'MASQUERADE'])
const jump = (source: string) => listed('POSTROUTING', ['-s', source, ...commented, '-j', chain])

/** What iptables-restore reads of changes, without what is about the table. */
function lines(changes: readonly Change[]): string[] {
  return textOf(changes).split('\n').slice(1, -2)
}

function textOf(changes: readonly Change[]): string {
  return restoreText([{ table: { family: 4, name: 'nat' }, changes }])
}
const none = { chain: [], jumps: [] }

t.test('a chain is named by network and container', async (t) => {
  const nameOf = (network: string, containerId: string) =>
    chainName({ network, containerId, ifName: 'any' })
  t.equal(nameOf('test', '1234'), 'CNI-2bbe0c48b91a7d1b8a6753a8')
  t.equal(nameOf('testalongnamethatdoesnotmakesense', '1234'), 'CNI-374f33fe84ab0ed84dcdebe3')
  t.equal(nameOf('mynet', 'c1'), chain)
  t.equal(chain.length, 28)
})

t.test('a comment is as long as iptables takes', async (t) => {
  t.equal(ownerComment(owner), comment)
  const long = ownerComment({ ...owner, containerId: 'c'.repeat(300) })
  t.equal(long.length, 255)
  t.match(long, /^name: "mynet" id: "c+$/)
})

t.test('one transaction adds chain and rules', async (t) => {
  t.equal(
    textOf(setUpChanges(4, owner, [cidr('10.1.2.3/24')], none)),
    `*nat
:${chain} - [0:0]
-A ${chain} -d 10.1.2.3/24 -j ACCEPT ${about}
-A ${chain} ! -d 224.0.0.0/4 -j MASQUERADE ${about}
-A POSTROUTING -s 10.1.2.3 -j ${chain} ${about}
COMMIT
`,
  )
  t.equal(
    textOf(setUpChanges(6, owner, [cidr('2001:db8:1::2/64')], none)),
    `*nat
:${chain} - [0:0]
-A ${chain} -d 2001:db8:1::2/64 -j ACCEPT ${about}
-A ${chain} ! -d ff00::/8 -j MASQUERADE ${about}
-A POSTROUTING -s 2001:db8:1::2 -j ${chain} ${about}
COMMIT
`,
  )
})

t.test('every subnet is accepted before anything is masqueraded', async (t) => {
  const [, ...rules] = lines(
    setUpChanges(4, owner, [cidr('10.1.2.3/24'), cidr('10.9.0.3/16')], none),
  )
  t.strictSame(rules, [
    `-A ${chain} -d 10.1.2.3/24 -j ACCEPT ${about}`,
    `-A ${chain} -d 10.9.0.3/16 -j ACCEPT ${about}`,
    `-A ${chain} ! -d 224.0.0.0/4 -j MASQUERADE ${about}`,
    `-A POSTROUTING -s 10.1.2.3 -j ${chain} ${about}`,
    `-A POSTROUTING -s 10.9.0.3 -j ${chain} ${about}`,
  ])
})

t.test('an ADD finds rules of an earlier one', async (t) => {
  const addresses = [cidr('10.1.2.3/24')]
  const present = {
    chain: [accept('10.1.2.0/24'), masquerade],
    // older plugins wrote the whole subnet
    jumps: [jump('10.1.2.3/32'), jump('10.1.2.0/24')],
  }
  const text = lines(setUpChanges(4, owner, addresses, present))
  t.equal(text[0], `:${chain} - [0:0]`, 'what is in the chain is replaced')
  t.strictSame(
    text.filter((line) => line.startsWith('-D')),
    [
      `-D POSTROUTING -s 10.1.2.3/32 ${about} -j ${chain}`,
      `-D POSTROUTING -s 10.1.2.0/24 ${about} -j ${chain}`,
    ],
  )
  t.equal(text.filter((line) => line.startsWith('-A')).length, 3)
})

t.test('what another interface of the pod has in the chain stays', async (t) => {
  const present = {
    chain: [accept('10.1.2.0/24'), accept('10.9.0.0/16'), masquerade],
    jumps: [jump('10.9.0.3/32')],
  }
  t.strictSame(lines(setUpChanges(4, owner, [cidr('10.1.2.3/24')], present)), [
    `:${chain} - [0:0]`,
    `-A ${chain} -d 10.9.0.0/16 ${about} -j ACCEPT`,
    `-A ${chain} -d 10.1.2.3/24 -j ACCEPT ${about}`,
    `-A ${chain} ! -d 224.0.0.0/4 -j MASQUERADE ${about}`,
    `-A POSTROUTING -s 10.1.2.3 -j ${chain} ${about}`,
  ])
})

t.test('a DEL takes the chain and all that leads there', async (t) => {
  const present = {
    chain: [accept('10.1.2.0/24'), masquerade],
    jumps: [jump('10.1.2.3/32'), jump('10.1.2.0/24')],
  }
  t.strictSame(lines(tearDownChanges(owner, [], present)), [
    `:${chain} - [0:0]`,
    `-D POSTROUTING -s 10.1.2.3/32 ${about} -j ${chain}`,
    `-D POSTROUTING -s 10.1.2.0/24 ${about} -j ${chain}`,
    `-X ${chain}`,
  ])
  t.strictSame(
    lines(tearDownChanges(owner, [], { ...present, jumps: [] })),
    [`:${chain} - [0:0]`, `-X ${chain}`],
    'a chain that nothing leads to',
  )
})

t.test('a DEL leaves what another interface of the pod needs', async (t) => {
  const present = {
    chain: [accept('10.1.2.0/24'), accept('10.9.0.0/16'), masquerade],
    jumps: [jump('10.1.2.3/32'), jump('10.9.0.3/32')],
  }
  t.strictSame(lines(tearDownChanges(owner, [cidr('10.9.0.3/16')], present)), [
    `-D POSTROUTING -s 10.1.2.3/32 ${about} -j ${chain}`,
    `-D ${chain} -d 10.1.2.0/24 ${about} -j ACCEPT`,
  ])
})
