import t from 'tap'
import { parseMapping } from '../../../plugins/portmap/mapping.ts'
import { identifyNetns, type Attachment } from '../../../plugins/portmap/records.ts'
import { departedOwners, departedRivals } from '../../../plugins/portmap/rivals.ts'
import { contextOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const alive = '/proc/self/ns/net'

function attachment(containerId: string, hostPort: number, keys: object = {}): Attachment {
  return {
    ...{ network: 'net1', containerId, ifName: 'eth0', netns: alive },
    netnsId: identifyNetns(alive),
    ...{ backend: 'nftables', isConditional: false, addresses: [] },
    mappings: [parseMapping({ hostPort, containerPort: 80, protocol: 'tcp' }, '')],
    ...keys,
  }
}

const gone = { netnsId: '4:1' }
const wanted = attachment('c1', 80)

t.test('a port of a container that is there', async (t) => {
  const error = thrown(() => departedRivals(wanted, [attachment('c2', 80)]))
  t.equal(error.code, 11)
  t.equal(error.message, 'host port 80/tcp is already taken by another pod')
  t.match(error.details, `container c2 on network net1 has it, and its sandbox ${alive} exists`)
})

t.test('ports of containers that are gone', async (t) => {
  const others = [
    attachment('c2', 80, gone),
    attachment('c3', 81, gone),
    attachment('c4', 80, { netnsId: '' }),
    attachment('c5', 80, { ...gone, netns: '/nowhere' }),
  ]
  const departed = departedRivals(wanted, others)
  t.strictSame(
    departed.map(({ containerId }) => containerId),
    ['c2', 'c4', 'c5'],
  )
  t.equal(thrown(() => departedRivals(wanted, [...others, attachment('c6', 80)])).code, 11)
})

t.test('no rivals', async (t) => {
  const others = [
    attachment('c1', 80, { ifName: 'eth1' }),
    attachment('c2', 81),
    attachment('c3', 80, { network: 'net2', isConditional: true }),
  ]
  t.strictSame(departedRivals(wanted, others), [])
  const conditional = { ...wanted, isConditional: true }
  t.strictSame(departedRivals(conditional, [attachment('c4', 80, { network: 'net2' })]), [])
  t.equal(thrown(() => departedRivals(conditional, [attachment('c5', 80)])).code, 11)
})

t.test('rules that there is no record of', async (t) => {
  const { log, warnings } = contextOf()
  const claim = (containerId: string, hostPort: number) =>
    ({ owner: { containerId }, protocol: 'tcp', hostPort }) as const
  const claims = [claim('c1', 80), claim('c2', 80), claim('c3', 80), claim('c4', 81)]
  const owners = departedOwners(wanted, claims, [attachment('c3', 443)], log)
  t.strictSame(owners, [{ containerId: 'c2' }])
  t.match(warnings, [/^taking host port 80\/tcp over from container c2, which no longer exists$/])
})
