import t from 'tap'
import { createOwner } from '../../../ipam/host-local/owner.ts'
import { abandoned, reclaim } from '../../../ipam/host-local/reclaim.ts'
import { type Sandbox, unknownSandbox } from '../../../ipam/host-local/reservation.ts'
import { contextOf } from '../../support/request.ts'
import { ip } from './builders.ts'
import { FakeStore } from './fake-store.ts'

const isGone = ({ bootId }: Sandbox) => bootId === 'before'

function fill(store: FakeStore, bootId: string, addresses: readonly string[]): void {
  for (const address of addresses) {
    store.reserve(createOwner(`of-${address}`, 'eth0'), unknownSandbox(bootId), [ip(address)])
  }
}

t.test('takes back what is abandoned, and nothing else', async (t) => {
  const store = new FakeStore({ '10.1.2.9': 'go' })
  fill(store, 'before', ['10.1.2.2', '10.1.2.4'])
  fill(store, 'now', ['10.1.2.3'])
  const { log, warnings } = contextOf()
  t.equal(abandoned(store, isGone).length, 2)
  t.ok(reclaim(store, isGone, log))
  t.strictSame([...store.owners().keys()], ['10.1.2.9', '10.1.2.3'])
  t.strictSame(warnings, [
    'took back 10.1.2.2 of of-10.1.2.2, 10.1.2.4 of of-10.1.2.4 in /fake: ' +
      'reserved before this boot, or for a network namespace that was removed',
  ])
  t.notOk(reclaim(store, isGone, log))
  t.equal(warnings.length, 1)
})

t.test('a line of the log does not grow with the range', async (t) => {
  const store = new FakeStore()
  const addresses = Array.from({ length: 250 }, (_, i) => `10.1.2.${i + 2}`)
  fill(store, 'before', addresses)
  const { log, warnings } = contextOf()
  t.ok(reclaim(store, isGone, log))
  t.equal(store.owners().size, 0)
  t.match(warnings, [/^took back 10\.1\.2\.2 of .* and 230 more in \/fake: /])
})
