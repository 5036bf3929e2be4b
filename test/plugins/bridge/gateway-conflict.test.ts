import t from 'tap'
import { family, formatCidr, lastIp } from '../../../lib/ip/ip.ts'
import type { Address } from '../../../lib/net/address.ts'
import type { Link } from '../../../lib/net/link.ts'
import { compareAddresses, isOurs } from '../../../plugins/bridge/gateway-conflict.ts'
import { vethOf } from '../../commands/node/attachment.ts'
import { cidr } from '../../support/address.ts'

/** An address as Go's plugin and ours set it. */
function addressOf(text: string, parts: Partial<Address> = {}): Address {
  const own = cidr(text)
  const broadcast = family(own.ip) === 4 ? { broadcast: lastIp(own) } : {}
  const flags = { scope: 0, tentative: false, dadFailed: false, permanent: true }
  return { cidr: own, ...broadcast, ...flags, message: Uint8Array.of(), ...parts }
}

function bridgeOf(alias?: string, name = 'cni0'): Link {
  return vethOf({ name, kind: 'bridge', ...(alias !== undefined && { alias }) })
}

function conflicts(alias: string | undefined, present: string[], wanted: string[]): string[] {
  const standing = { device: bridgeOf(alias), present: present.map((text) => addressOf(text)) }
  return compareAddresses(standing, wanted.map(cidr)).conflicts.map((each) => formatCidr(each.cidr))
}

t.test('what is in the way of a gateway', async (t) => {
  const ours = 'cni gateway 10.1.2.1/24 fd00::1/64'
  for (const [alias, present, wanted, found] of [
    [undefined, ['10.1.2.1/24'], ['10.1.2.1/24'], []],
    [undefined, ['10.1.2.1/24', '10.9.0.1/24'], ['10.1.2.1/24'], []],
    [undefined, ['10.1.2.1/24', '10.9.0.1/24'], ['10.1.3.1/24'], ['10.1.2.1/24', '10.9.0.1/24']],
    [ours, ['10.1.2.1/24', '10.9.0.1/24'], ['10.1.3.1/24'], ['10.1.2.1/24']],
    [ours, ['10.1.2.1/24', '10.1.3.9/24'], ['10.1.3.1/24'], ['10.1.2.1/24', '10.1.3.9/24']],
    [ours, ['10.9.0.1/24'], ['10.1.3.1/24'], ['10.9.0.1/24']],
    [ours, ['fd00::1/64'], ['fd01::1/64'], []],
    [ours, ['fd00::1/64'], ['fd00::2/56'], ['fd00::1/64']],
  ] as const) {
    t.strictSame(conflicts(alias, [...present], [...wanted]), found, `${present} for ${wanted}`)
  }
})

t.test('a link-local address is in nobody’s way', async (t) => {
  const present = [addressOf('fe80::1/64', { scope: 253 })]
  const { conflicts } = compareAddresses({ device: bridgeOf(), present }, [cidr('fe80::2/64')])
  t.strictSame(conflicts, [])
})

t.test('whose an address is', async (t) => {
  const go = addressOf('10.1.2.1/24')
  const [veth, vxlan] = [vethOf({ kind: 'veth' }), vethOf({ kind: 'vxlan' })]
  const own = (address: Address, device = bridgeOf(), ports = [veth], present = [address]) =>
    isOurs({ device, present }, ports, address)
  t.equal(own(go, bridgeOf('cni gateway 10.1.2.1/24', 'br0'), [vxlan]), true, 'marked')
  t.equal(own(addressOf('10.1.2.1/16'), bridgeOf('cni gateway 10.1.2.1/24', 'br0')), false)
  for (const alias of [undefined, 'cni', 'cni gateway fd00::1/64']) {
    t.equal(own(go, bridgeOf(alias)), true, 'as Go’s plugin makes it')
  }
  t.equal(own(go, bridgeOf(undefined, 'br0')), false, 'another bridge')
  t.equal(own(go, bridgeOf('uplink')), false, 'a bridge with an alias')
  t.equal(own(go, bridgeOf(), [veth, vxlan]), false, 'a port that is no pod')
  t.equal(own(go, bridgeOf(), [], [go, addressOf('10.9.0.1/24')]), false, 'another address')
  t.equal(own(go, bridgeOf(), [], [go, addressOf('10.9.0.1/32', { scope: 253 })]), true)
  t.equal(own(addressOf('10.1.2.2/24')), false, 'not the first of its subnet')
  t.equal(own(addressOf('fd00::1/64')), false, 'IPv6')
  t.equal(own({ ...go, permanent: false }), false, 'a lifetime')
  const { broadcast, ...byIp } = go
  t.equal(own(byIp), false, `without ${broadcast}`)
})
