import t from 'tap'
import {
  describeEntry,
  type Entry,
  entryPriority,
  keyOf,
  type RouteEntry,
  valueOf,
} from '../../../flanneld/state/entry.ts'
import { describeStep, planSteps } from '../../../flanneld/state/plan.ts'
import { isDone, requestFor } from '../../../flanneld/state/request.ts'
import { NetlinkError } from '../../../lib/netlink/error.ts'
import { cidr, ip } from '../../support/address.ts'

const link = 'flannel.1'
const address: Entry = { kind: 'address', cidr: cidr('10.244.1.0/32'), link }
const fdb: Entry = { kind: 'fdb', mac: '0e:00:00:00:00:02', dst: ip('192.0.2.2'), link }
const neighbour: Entry = {
  ...{ kind: 'neighbour', ip: ip('10.244.2.0') },
  ...{ mac: '0e:00:00:00:00:02', link },
}
const route: RouteEntry = {
  ...{ kind: 'route', type: 'unicast', dst: cidr('10.244.2.0/24') },
  ...{ gateway: ip('10.244.2.0'), link, onlink: true },
}
const blackhole: RouteEntry = {
  ...{ kind: 'route', type: 'blackhole', dst: cidr('fd00::/64') },
  ...{ onlink: false, priority: 100_000 },
}
const all = [route, neighbour, address, fdb]

const table = (...entries: Entry[]) => new Map(entries.map((entry) => [keyOf(entry), entry]))
const plan = (desired: Map<string, Entry>, present: Map<string, Entry>) =>
  planSteps(new Set([...desired.keys(), ...present.keys()]), desired, present).map(
    ({ do: verb, entry }) => `${verb} ${entry.kind}`,
  )

t.test('what carries packets is made before what sends packets there', async (t) => {
  t.strictSame(plan(table(...all), table()), [
    'set address',
    'set fdb',
    'set neighbour',
    'set route',
  ])
  t.strictSame(plan(table(), table(...all)), [
    'remove route',
    'remove neighbour',
    'remove fdb',
    'remove address',
  ])
  const moved = { ...fdb, mac: '0e:00:00:00:00:03' }
  t.strictSame(plan(table(moved), table(fdb)), ['set fdb', 'remove fdb'])
})

t.test('what is as it should be is left alone', async (t) => {
  t.strictSame(plan(table(...all), table(...all)), [])
  t.strictSame(plan(table(route), table({ ...route, protocol: 12 })), [])
  t.strictSame(planSteps(['route 10.0.0.0/8'], table(), table()), [])
})

const differences: [what: string, wanted: Entry, found: Entry][] = [
  ['gateway', route, { ...route, gateway: ip('10.244.2.1') }],
  ['link', route, { ...route, link: 'eth0' }],
  ['onlink', route, { ...route, onlink: false }],
  ['type', route, { ...route, type: 'blackhole' }],
  ['another type', route, { ...route, type: 'other' }],
  ['ways', route, { ...route, hops: 2 }],
  ['MAC', neighbour, { ...neighbour, mac: '0e:00:00:00:00:09' }],
  ['host', fdb, { ...fdb, dst: ip('192.0.2.3') }],
]

for (const [what, wanted, found] of differences) {
  t.test(`another ${what} is a difference`, async (t) => {
    const [step, ...more] = planSteps([keyOf(wanted)], table(wanted), table(found))
    t.strictSame(step, { do: 'set', key: keyOf(wanted), entry: wanted, found })
    t.strictSame(more, [])
  })
}

t.test('keys and texts', async (t) => {
  t.strictSame(all.map(describeEntry), [
    'route 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink',
    'neighbour 10.244.2.0 dev flannel.1 lladdr 0e:00:00:00:00:02',
    'address 10.244.1.0/32 dev flannel.1',
    'fdb 0e:00:00:00:00:02 dev flannel.1 dst 192.0.2.2',
  ])
  t.equal(describeEntry(blackhole), 'route fd00::/64 metric 100000 blackhole')
  t.equal(valueOf({ ...route, hops: 3 }), 'unicast via 10.244.2.0 dev flannel.1 onlink and 2 more')
  t.strictSame(entryPriority(route.dst, 0), {})
  t.strictSame(entryPriority(route.dst, 1024), { priority: 1024 })
  t.strictSame(entryPriority(blackhole.dst, 1024), {})
  t.strictSame(entryPriority(blackhole.dst, 0), { priority: 0 })
  const key = keyOf(route)
  t.equal(
    describeStep({ do: 'set', key, entry: route }),
    'route 10.244.2.0/24 is missing: adding it',
  )
  t.equal(
    describeStep({ do: 'set', key, entry: route, found: { ...route, type: 'other' } }),
    'route 10.244.2.0/24 is other via 10.244.2.0 dev flannel.1 onlink: ' +
      'setting it to unicast via 10.244.2.0 dev flannel.1 onlink',
  )
  t.match(describeStep({ do: 'remove', key, entry: route }), /is in no lease: removing it$/)
})

t.test('requests of steps', async (t) => {
  const operation = (verb: 'set' | 'remove', entry: Entry, index?: number) =>
    requestFor({ do: verb, key: '', entry }, () => index)?.operation
  t.strictSame(
    all.map((entry) => operation('set', entry, 7)),
    [
      'route replace 10.244.2.0/24 via 10.244.2.0 dev if7',
      'neighbour replace 10.244.2.0 lladdr 0e:00:00:00:00:02 dev if7',
      'address add 10.244.1.0/32 dev if7',
      'fdb replace 0e:00:00:00:00:02 dev if7 dst 192.0.2.2 self',
    ],
  )
  t.strictSame(
    all.map((entry) => operation('remove', entry, 7)),
    [
      'route delete 10.244.2.0/24 via 10.244.2.0 dev if7',
      'neighbour delete 10.244.2.0 dev if7',
      'address delete 10.244.1.0/32 dev if7',
      'fdb delete 0e:00:00:00:00:02 dev if7 dst 192.0.2.2 self',
    ],
  )
  for (const entry of all) t.equal(operation('set', entry), undefined, 'without its link')
  t.equal(operation('set', blackhole), 'route replace blackhole fd00::/64')
  t.equal(operation('remove', { ...route, hops: 2 }, 7), 'route delete 10.244.2.0/24')
  t.equal(operation('remove', { ...route, type: 'other' }, 7), undefined)
})

t.test('refusals that are as good as done', async (t) => {
  const refused = (verb: 'set' | 'remove', errno: number) =>
    isDone({ do: verb, key: '', entry: route }, new NetlinkError('', { errno }))
  const { EEXIST, ENOENT, ESRCH, EADDRNOTAVAIL, ENODEV, EINVAL } =
    process.getBuiltinModule('node:os').constants.errno
  for (const errno of [ENOENT, ESRCH, EADDRNOTAVAIL, ENODEV]) {
    t.equal(refused('remove', errno), true)
    t.equal(refused('set', errno), false)
  }
  t.equal(refused('set', EEXIST), true)
  t.equal(refused('remove', EEXIST), false)
  t.equal(refused('set', EINVAL) || refused('remove', EINVAL), false)
})
