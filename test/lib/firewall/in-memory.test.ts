/** What tests can read of the packet filter in memory, beside what the contract says. */
import t from 'tap'
import { DetailedError } from '../../../lib/base/errors.ts'
import { addRules, emptyChains } from '../../../lib/firewall/transaction.ts'
import { FakeFirewall } from '../../support/fake-firewall.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const filter = { family: 4, name: 'filter' } as const
const rule = { chain: 'FORWARD', rule: [{ mark: 0x4000 }, { verdict: 'accept' }] } as const

t.test('the rules in words, and what was asked for', async (t) => {
  const firewall = new FakeFirewall('iptables')
  firewall.apply([{ table: filter, changes: addRules([rule]) }])
  thrownDetailed(() =>
    firewall.apply([{ table: filter, changes: [{ do: 'flush chain', chain: 'A' }] }]),
  )
  t.strictSame(firewall.texts(filter, 'FORWARD'), ['-m mark --mark 0x4000/0x4000 -j ACCEPT'])
  t.equal(firewall.texts(filter, 'A'), undefined)
  t.strictSame(firewall.applied, [
    '*filter\n-A FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT\nCOMMIT\n',
    '*filter\n-F A\nCOMMIT\n',
  ])
  t.throws(() => firewall.apply([{ table: filter, changes: [{ do: 'delete table' }] }]), RangeError)
})

t.test('several tables: each by itself with iptables, all together with nft', async (t) => {
  for (const [backend, isKept] of [
    ['iptables', true],
    ['nftables', false],
  ] as const) {
    const firewall = new FakeFirewall(backend)
    const good = [{ do: 'add table' } as const, ...emptyChains(['A'])]
    thrownDetailed(() =>
      firewall.apply([
        { table: filter, changes: good },
        {
          table: { family: 4, name: 'nat' },
          changes: [{ do: 'add table' }, { do: 'flush chain', chain: 'B' }],
        },
      ]),
    )
    t.equal(firewall.list(filter).has('A'), isKept, backend)
  }
})

t.test('a backend that cannot be used', async (t) => {
  const firewall = new FakeFirewall('nftables')
  t.equal(firewall.problem(), undefined)
  firewall.lacking = new DetailedError('failed to find nft', '')
  t.equal(firewall.problem(), firewall.lacking)
})
