import t from 'tap'
import { formatCidr, formatIp } from '../../../lib/ip/ip.ts'
import { addressAdd } from '../../../lib/net/address.ts'
import { linkSet, vethAdd } from '../../../lib/net/link.ts'
import {
  type NewRoute,
  type Route,
  routeAdd,
  routeDelete,
  routeGet,
  routeList,
  routeReplace,
} from '../../../lib/net/route.ts'
import { addNamespace, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { cidr, ip } from '../../support/address.ts'
import { connect } from '../../support/connect.ts'
import { ipJson, routes } from '../../support/ip.ts'
import { sends } from '../../support/netlink.ts'

const options = { skip: kernelSkip() }

/** A namespace with eth0, up, that has 10.244.1.5/24 and fd00:10:244:1::5/64. */
function makePod(scope: Scope) {
  const pod = addNamespace(scope)
  const connection = connect(scope, pod)
  const { index } = vethAdd(connection, { name: 'eth0', peer: { name: 'veth1' } })
  runSync(['ip', '-n', pod.name, 'link', 'set', 'veth1', 'up'])
  addressAdd(connection, index, { cidr: cidr('10.244.1.5/24') })
  addressAdd(connection, index, { cidr: cidr('fd00:10:244:1::5/64'), nodad: true })
  linkSet(connection, index, { up: true })
  return { pod, connection, linkIndex: index }
}

const show = ({ dst, gateway }: Route) =>
  `${formatCidr(dst)}${gateway === undefined ? '' : ` via ${formatIp(gateway)}`}`

t.test('requests are those of iproute2', async (t) => {
  const large = {
    dst: cidr('fd01::/64'),
    gateway: ip('fd00:10:244:1::2'),
    linkIndex: 5,
    table: 5000,
    priority: 7,
    onlink: true,
    mtu: 1400,
    advmss: 1340,
  }
  const gateway = ip('10.244.1.254')
  const { flags, wantedFlags } = sends(t, 'route-add', (c) =>
    routeAdd(c, { dst: cidr('0.0.0.0/0'), gateway, linkIndex: 5 }),
  )
  const NLM_F_EXCL = 0x200
  t.equal(flags, wantedFlags & ~NLM_F_EXCL, 'beside a route to the same destination')
  sends(t, 'route-add-table', (c) => routeAdd(c, large))
  sends(t, 'route-get', (c) => routeGet(c, ip('192.0.2.1')), 'route-get-answer')
})

t.test('default routes of both families', options, async (t) => {
  const { pod, connection, linkIndex } = makePod(t)
  routeAdd(connection, { dst: cidr('0.0.0.0/0'), gateway: ip('10.244.1.1'), linkIndex })
  routeAdd(connection, { dst: cidr('::/0'), gateway: ip('fd00:10:244:1::1'), linkIndex })
  const [four] = routes(pod).filter(({ dst }) => dst === 'default')
  const [six] = routes(pod, 6).filter(({ dst }) => dst === 'default')
  t.match(four, { gateway: '10.244.1.1', dev: 'eth0', protocol: 'boot', scope: 'global' })
  t.match(six, { gateway: 'fd00:10:244:1::1', dev: 'eth0' })
  t.ok(routeList(connection, { family: 4 }).map(show).includes('0.0.0.0/0 via 10.244.1.1'))
  t.ok(routeList(connection, { family: 6 }).map(show).includes('::/0 via fd00:10:244:1::1'))
})

t.test('equal destinations by different gateways', options, async (t) => {
  const { connection, linkIndex } = makePod(t)
  for (const [dst, a, b, family] of [
    ['10.9.0.0/16', '10.244.1.1', '10.244.1.2', 4],
    ['fd09::/64', 'fd00:10:244:1::1', 'fd00:10:244:1::2', 6],
  ] as const) {
    for (const gateway of [a, b]) {
      routeAdd(connection, { dst: cidr(dst), gateway: ip(gateway), linkIndex })
    }
    const listed = routeList(connection, { family }).map(show)
    for (const gateway of [a, b]) t.ok(listed.includes(`${dst} via ${gateway}`), gateway)
    const again = { dst: cidr(dst), gateway: ip(a), linkIndex }
    t.throws(() => routeAdd(connection, again), { message: 'file exists', code: 'EEXIST' })
  }
})

t.test('everything that a route can have', options, async (t) => {
  const { pod, connection, linkIndex } = makePod(t)
  routeAdd(connection, {
    dst: cidr('10.9.0.0/16'),
    gateway: ip('10.99.0.1'),
    linkIndex,
    table: 5000,
    priority: 7,
    mtu: 1400,
    advmss: 1340,
    onlink: true,
    source: ip('10.244.1.5'),
  })
  const [shown] = ipJson<{ metrics: object[] }>(pod, 'route', 'show', 'table', '5000')
  t.match(shown, {
    dst: '10.9.0.0/16',
    gateway: '10.99.0.1',
    metric: 7,
    flags: ['onlink'],
    prefsrc: '10.244.1.5',
    metrics: [{ mtu: 1400, advmss: 1340 }],
  })
  const [listed, ...more] = routeList(connection, { family: 4, table: 5000 })
  t.strictSame(more, [])
  t.match(listed, { linkIndex, table: 5000, priority: 7, mtu: 1400, advmss: 1340, scope: 0 })
  t.equal(listed?.source && formatIp(listed.source), '10.244.1.5')
})

t.test('a route without gateway, and its scope', options, async (t) => {
  const { pod, connection, linkIndex } = makePod(t)
  routeAdd(connection, { dst: cidr('10.9.9.9/32'), linkIndex, scope: 200 })
  routeAdd(connection, { dst: cidr('10.9.0.0/16'), linkIndex })
  const scopes = routes(pod).map(({ dst, scope }) => [dst, scope])
  t.match(Object.fromEntries(scopes), { '10.9.9.9': 'site', '10.9.0.0/16': 'global' })
  const listed = routeList(connection, { family: 4 })
  t.match(
    listed.find(({ dst }) => formatCidr(dst) === '10.9.9.9/32'),
    { scope: 200 },
  )
})

t.test('routes of one table and one link', options, async (t) => {
  const { connection, linkIndex } = makePod(t)
  linkSet(connection, 1, { up: true })
  routeAdd(connection, { dst: cidr('10.9.0.0/16'), linkIndex: 1 })
  t.strictSame(routeList(connection, { family: 4 }).map(show), ['10.9.0.0/16', '10.244.1.0/24'])
  t.strictSame(routeList(connection, { family: 4, linkIndex }).map(show), ['10.244.1.0/24'])
  for (const family of [4, 6] as const) {
    t.strictSame(routeList(connection, { family, table: 6000 }), [])
  }
})

t.test('routes that the kernel refuses', options, async (t) => {
  const { connection, linkIndex } = makePod(t)
  const gateway = ip('10.244.1.1')
  const operation = (dst: string, via: string) => `route add ${dst} via ${via} dev if${linkIndex}`
  t.throws(() => routeAdd(connection, { dst: cidr('10.9.9.9/24'), gateway, linkIndex }), {
    message: 'invalid argument',
    code: 'EINVAL',
    details: `${operation('10.9.9.9/24', '10.244.1.1')}: Invalid prefix for given prefix length`,
  })
  const far = { dst: cidr('10.9.0.0/16'), gateway: ip('10.99.0.1'), linkIndex }
  t.throws(() => routeAdd(connection, far), {
    message: 'network is unreachable',
    code: 'ENETUNREACH',
    details: `${operation('10.9.0.0/16', '10.99.0.1')}: Nexthop has invalid gateway`,
  })
})

t.test('the way to an address', options, async (t) => {
  const { pod, connection, linkIndex } = makePod(t)
  t.throws(() => routeGet(connection, ip('192.0.2.1')), { code: 'ENETUNREACH' })
  routeAdd(connection, { dst: cidr('0.0.0.0/0'), gateway: ip('10.244.1.1'), linkIndex })
  const [shown] = ipJson(pod, 'route', 'get', '192.0.2.1')
  t.match(shown, { dst: '192.0.2.1', gateway: '10.244.1.1', dev: 'eth0', prefsrc: '10.244.1.5' })
  const found = routeGet(connection, ip('192.0.2.1'))
  t.equal(show(found), '192.0.2.1/32 via 10.244.1.1')
  t.match(found, { linkIndex, table: 254 })
  t.equal(found.source && formatIp(found.source), '10.244.1.5')
  const near = routeGet(connection, ip('fd00:10:244:1::9'))
  t.equal(near.source && formatIp(near.source), 'fd00:10:244:1::5')
})

t.test('a route in place of another one', options, async (t) => {
  const { pod, connection, linkIndex } = makePod(t)
  for (const [family, dst, near, other, far] of [
    [4, '10.9.0.0/16', '10.244.1.1', '10.244.1.2', '10.99.0.1'],
    [6, 'fd09::/64', 'fd00:10:244:1::1', 'fd00:10:244:1::2', 'fd99::1'],
  ] as const) {
    const seen = () =>
      routes(pod, family)
        .filter((route) => route.dst === dst)
        .map(({ gateway, flags, metric }) => [gateway, flags.join(), metric])
    const usual = family === 4 ? undefined : 1024
    const set = (route: Partial<NewRoute>) =>
      connection.execute(routeReplace({ dst: cidr(dst), linkIndex, ...route }))
    set({ gateway: ip(near) })
    set({ gateway: ip(other) })
    t.strictSame(seen(), [[other, '', usual]], 'there is one')
    set({ gateway: ip(other) })
    t.strictSame(seen(), [[other, '', usual]], 'the same again')
    t.throws(() => set({ gateway: ip(far) }), {
      code: family === 4 ? 'ENETUNREACH' : 'EHOSTUNREACH',
    })
    set({ gateway: ip(far), onlink: true })
    t.strictSame(seen(), [[far, 'onlink', usual]])
    set({ gateway: ip(near), priority: 7 })
    t.strictSame(
      seen().sort(),
      [
        [far, 'onlink', usual],
        [near, '', 7],
      ].sort(),
      'beside those with another priority',
    )
    const listed = routeList(connection, { family }).filter((route) => route.onlink)
    t.strictSame(listed.map(show), [`${dst} via ${far}`])
    routeAdd(connection, { dst: cidr(dst), linkIndex, gateway: ip(near), priority: 9 })
    routeAdd(connection, { dst: cidr(dst), linkIndex, gateway: ip(other), priority: 9 })
    const atNine = () => routeList(connection, { family }).filter(({ priority }) => priority === 9)
    const replace = () => set({ gateway: ip(near), priority: 9 })
    if (family === 4) {
      t.throws(replace, { code: 'EEXIST' }, 'it is there, but behind another one')
      t.strictSame(atNine().map(show), [`${dst} via ${other}`, `${dst} via ${near}`])
    } else {
      replace()
      t.strictSame(atNine().map(show), [`${dst} via ${near}`], 'of several ways, all')
    }
  }
})

t.test('blackholes', options, async (t) => {
  const { pod, connection } = makePod(t)
  for (const [family, dst] of [
    [4, '10.9.0.0/16'],
    [6, 'fd09::/64'],
  ] as const) {
    const route: NewRoute = { kind: 'blackhole', dst: cidr(dst), priority: 100_000 }
    connection.execute(routeReplace(route))
    const shown = ipJson<{ type: string; dst: string; metric: number }>(
      pod,
      ...[`-${family}`, 'route', 'show', 'type', 'blackhole'],
    )
    t.match(shown, [{ type: 'blackhole', dst, metric: 100_000 }])
    const listed = routeList(connection, { family }).filter(({ kind }) => kind === 'blackhole')
    t.match(listed, [{ dst: { prefix: cidr(dst).prefix }, priority: 100_000, protocol: 3 }])
    connection.execute(routeDelete(route))
    t.throws(() => connection.execute(routeDelete(route)), {
      code: 'ESRCH',
      details: `route delete blackhole ${dst}`,
    })
  }
})

t.test('a route is removed that is exactly so', options, async (t) => {
  const { pod, connection, linkIndex } = makePod(t)
  const add = (words: string) =>
    runSync(['ip', '-n', pod.name, 'route', 'add', ...words.split(' ')])
  const count = () => routes(pod).filter(({ dst }) => dst === '10.9.0.0/16').length
  const dst = cidr('10.9.0.0/16')
  const remove = (route: Partial<NewRoute>) =>
    connection.execute(routeDelete({ dst, linkIndex, ...route }))
  add('10.9.0.0/16 via 10.244.1.1 proto bird')
  const gateway = ip('10.244.1.1')
  t.throws(() => remove({ gateway }), { code: 'ESRCH' }, 'another protocol')
  t.throws(() => remove({ gateway: ip('10.244.1.2'), protocol: 12 }), { code: 'ESRCH' })
  t.throws(() => remove({ gateway, protocol: 12, scope: 253 }), { code: 'ESRCH' })
  t.equal(count(), 1)
  remove({ gateway, protocol: 12 })
  t.equal(count(), 0)
  add('10.9.0.0/16 dev eth0')
  remove({})
  t.equal(count(), 0, 'of whatever scope')
})

t.test('routes of several ways, and for some packets only', options, async (t) => {
  const { pod, connection } = makePod(t)
  const add = (words: string) => runSync(['ip', '-n', pod.name, ...words.split(' ')])
  const ways = (a: string, b: string) => `nexthop via ${a} dev eth0 nexthop via ${b} dev eth0`
  add(`route add 10.9.0.0/16 ${ways('10.244.1.1', '10.244.1.2')}`)
  add(`-6 route add fd09::/64 ${ways('fd00:10:244:1::1', 'fd00:10:244:1::2')}`)
  add('route add 10.9.0.0/16 via 10.244.1.3 tos 0x10')
  for (const family of [4, 6] as const) {
    const listed = routeList(connection, { family }).filter(({ gateway }) => gateway !== undefined)
    const partial = family === 4 ? [true] : []
    t.strictSame(listed.map(({ isPartial }) => isPartial).sort(), [false, false, ...partial])
    t.strictSame(
      listed.flatMap(({ hop }) => (hop === undefined ? [] : [hop])),
      [
        { index: 0, count: 2 },
        { index: 1, count: 2 },
      ],
    )
  }
})
