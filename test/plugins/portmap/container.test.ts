import t from 'tap'
import { formatCidr } from '../../../lib/ip/ip.ts'
import { checkHostAddresses, containerAddresses } from '../../../plugins/portmap/container.ts'
import { parseMapping } from '../../../plugins/portmap/mapping.ts'
import { cidr } from '../../support/address.ts'
import { thrown } from '../../support/thrown.ts'

const interfaces = [
  { name: 'cni0' },
  { name: 'eth0', sandbox: '/x' },
  { name: 'eth1', sandbox: '/x' },
]

function addresses(ips: readonly (readonly [address: string, index?: number])[]): string[] {
  const list = ips.map(([text, index]) => ({
    address: cidr(text),
    ...(index !== undefined && { interface: index }),
  }))
  return containerAddresses({ interfaces, ips: list, routes: [], dns: {} }, 'eth0').map(formatCidr)
}

t.test('the first address of each family', async (t) => {
  t.strictSame(addresses([['fd00::2/64'], ['10.0.0.2/24'], ['10.0.0.3/24'], ['fd00::3/64']]), [
    ...['10.0.0.2/24', 'fd00::2/64'],
  ])
  t.strictSame(addresses([['fd00::2/64']]), ['fd00::2/64'])
  t.strictSame(addresses([]), [])
})

t.test('not those of other interfaces', async (t) => {
  t.strictSame(
    addresses([
      ['10.0.0.1/24', 0],
      ['10.0.1.2/24', 2],
      ['10.0.0.2/24', 1],
    ]),
    ['10.0.0.2/24'],
  )
  t.strictSame(addresses([['10.0.0.1/24', 7]]), ['10.0.0.1/24'], 'an index of nothing says nothing')
})

t.test('host addresses that the container has no family for', async (t) => {
  const mapping = (hostIP: string) =>
    parseMapping({ hostPort: 80, containerPort: 80, protocol: 'tcp', hostIP }, 'it')
  const check = (hostIP: string, ...own: string[]) =>
    checkHostAddresses([mapping('0.0.0.0'), mapping(hostIP)], own.map(cidr))
  check('::', '10.0.0.2/24')
  check('192.0.2.1', '10.0.0.2/24')
  check('2001:db8::1', '10.0.0.2/24', 'fd00::2/64')
  const error = thrown(() => check('2001:db8::1', '10.0.0.2/24'))
  t.equal(error.code, 7)
  t.equal(
    error.message,
    'runtimeConfig.portMappings.1.hostIP is 2001:db8::1, but the container has no IPv6 address',
  )
})
