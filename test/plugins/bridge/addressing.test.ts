import t from 'tap'
import { emptyResult, type Result } from '../../../lib/cni/result.ts'
import { formatCidr, formatIp } from '../../../lib/ip/ip.ts'
import { completeAddressing } from '../../../plugins/bridge/addressing.ts'
import { parseBridgeConf } from '../../../plugins/bridge/conf.ts'
import { cidr, ip } from '../../support/address.ts'
import { requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const gateway = { isGateway: true }
const defaultGateway = { isDefaultGateway: true }

/** What an IPAM answer becomes, as text: addresses, routes and the addresses of the bridge. */
function complete(keys: object, ipam: Partial<Result>) {
  const conf = parseBridgeConf(requestOf({ conf: { ipam: { type: 'host-local' }, ...keys } }))
  const { ips, routes, gateways } = completeAddressing(conf, { ...emptyResult, ...ipam })
  return {
    ips: ips.map(({ address, gateway, interface: index }) =>
      [formatCidr(address), gateway ? formatIp(gateway) : 'none', index].join(' '),
    ),
    routes: routes.map(({ dst, gw }) =>
      [dst ? formatCidr(dst) : 'none', gw ? formatIp(gw) : 'none'].join(' '),
    ),
    gateways: gateways.map(formatCidr),
  }
}

const v4 = { address: cidr('10.1.2.5/24') }
const v6 = { address: cidr('fd00::5/64') }

t.test(
  'every address is of the container’s interface, whatever the IPAM plugin says',
  async (t) => {
    const ips = [v4, { ...v4, interface: 0 }, { ...v6, interface: 7 }]
    t.strictSame(complete({}, { ips }), {
      ips: ['10.1.2.5/24 none 2', '10.1.2.5/24 none 2', 'fd00::5/64 none 2'],
      routes: [],
      gateways: [],
    })
  },
)

t.test('a bridge without isGateway has no address, and makes up no gateway', async (t) => {
  const ips = [{ ...v4, gateway: ip('10.1.2.1') }]
  t.match(complete({}, { ips }), { ips: ['10.1.2.5/24 10.1.2.1 2'], routes: [], gateways: [] })
})

t.test('a gateway that is missing is the first address of the network', async (t) => {
  t.strictSame(complete(gateway, { ips: [v4, v6] }), {
    ips: ['10.1.2.5/24 10.1.2.1 2', 'fd00::5/64 fd00::1 2'],
    routes: [],
    gateways: ['10.1.2.1/24', 'fd00::1/64'],
  })
  const ips = [{ ...v4, gateway: ip('10.1.2.254') }]
  t.match(complete(gateway, { ips }), { gateways: ['10.1.2.254/24'] }, 'one that is there stays')
})

t.test('the bridge gets its IPv4 addresses first', async (t) => {
  const second = { address: cidr('10.7.0.9/16') }
  t.match(complete(gateway, { ips: [v6, v4, second] }), {
    ips: ['fd00::5/64 fd00::1 2', '10.1.2.5/24 10.1.2.1 2', '10.7.0.9/16 10.7.0.1 2'],
    gateways: ['10.1.2.1/24', '10.7.0.1/16', 'fd00::1/64'],
  })
})

t.test('one default route for each family, behind the routes of the IPAM plugin', async (t) => {
  const routes = [{ dst: cidr('10.96.0.0/12') }]
  const ips = [v4, { address: cidr('10.7.0.9/16') }, v6]
  t.strictSame(complete(defaultGateway, { ips, routes }).routes, [
    '10.96.0.0/12 none',
    '0.0.0.0/0 10.1.2.1',
    '::/0 fd00::1',
  ])
  t.strictSame(complete(defaultGateway, { ips: [v6] }).routes, ['::/0 fd00::1'])
  t.strictSame(
    complete(defaultGateway, { ips: [v6, v4] }).routes,
    ['::/0 fd00::1', '0.0.0.0/0 10.1.2.1'],
    'in the order of the addresses',
  )
  t.strictSame(complete(gateway, { ips }).routes, [])
})

t.test('no default route beside one that the IPAM plugin has given', async (t) => {
  const v4Default = { dst: cidr('0.0.0.0/0') }
  const ips = [v4, v6]
  for (const [route, text] of [
    [{ ...v4Default, gw: ip('10.1.2.9') }, '0.0.0.0/0 10.1.2.9'],
    [v4Default, '0.0.0.0/0 none'],
    [{ ...v4Default, table: 254 }, '0.0.0.0/0 none'],
    [{ ...v4Default, table: 0 }, '0.0.0.0/0 none'],
  ] as const) {
    const { routes } = complete(defaultGateway, { ips, routes: [route] })
    t.strictSame(routes, [text, '::/0 fd00::1'])
  }
  const elsewhere = { ...v4Default, table: 5000 }
  t.strictSame(
    complete(defaultGateway, { ips: [v4], routes: [elsewhere] }).routes,
    ['0.0.0.0/0 none', '0.0.0.0/0 10.1.2.1'],
    'one in another table does not count',
  )
})

t.test('no address at all', async (t) => {
  t.match(
    thrown(() => complete({}, {})),
    {
      code: 999,
      message: 'IPAM plugin returned missing IP config',
      details: /the host-local plugin gave no address/,
    },
  )
})
