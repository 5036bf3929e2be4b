import fc from 'fast-check'
import t from 'tap'
import { DetailedError } from '../../../lib/base/errors.ts'
import { decodeAttributes, encodeAttributes, subnetOf } from '../../../lib/flannel/lease.ts'
import { formatCidr, formatIp, parseCidr } from '../../../lib/ip/ip.ts'
import { thrownDetailed } from '../../support/thrown.ts'

// As upstream's flanneld writes them.
const vxlan =
  '{"PublicIP":"192.0.2.11","PublicIPv6":null,"BackendType":"vxlan",' +
  '"BackendData":{"VNI":1,"VtepMAC":"0e:10:20:30:40:50"}}'
const minimal = '{"PublicIP":"1.2.3.4","PublicIPv6":null}'
const dual =
  '{"PublicIP":"192.0.2.11","PublicIPv6":"2001:db8::1","BackendType":"vxlan",' +
  '"BackendData":{"VNI":1,"VtepMAC":"0e:10:20:30:40:50"},' +
  '"BackendV6Data":{"VNI":1,"VtepMAC":"0e:10:20:30:40:51"}}'

t.test('what upstream writes is read, and written to the letter', async (t) => {
  for (const text of [vxlan, minimal, dual]) t.equal(encodeAttributes(decodeAttributes(text)), text)
  const { publicIp, publicIpv6, backendType, backendData } = decodeAttributes(vxlan)
  t.equal(publicIp && formatIp(publicIp), '192.0.2.11')
  t.equal(publicIpv6, undefined)
  t.strictSame([backendType, backendData], ['vxlan', { VNI: 1, VtepMAC: '0e:10:20:30:40:50' }])
})

t.test('no address, by any way to say so', async (t) => {
  for (const text of ['{}', '{"PublicIP":"0.0.0.0"}', '{"PublicIP":"","PublicIPv6":"::"}']) {
    const { publicIp, publicIpv6, backendType } = decodeAttributes(text)
    t.strictSame([publicIp, publicIpv6, backendType], [undefined, undefined, ''], text)
  }
})

for (const [what, text, message] of [
  ['no JSON', '{', /^the lease is malformed: /],
  ['no object', '[]', /it is no object/],
  ['no address', '{"PublicIP":"x"}', /PublicIP is "x", expected an IPv4 address/],
  ['a number', '{"PublicIP":5}', /PublicIP is 5/],
  ['the other family', '{"PublicIPv6":"10.0.0.1"}', /PublicIPv6 is "10.0.0.1", expected an IPv6/],
  ['no text', '{"BackendType":1}', /BackendType is 1, expected a string/],
] as const) {
  t.test(`refused: ${what}`, async (t) => {
    t.match(thrownDetailed(() => decodeAttributes(text)).message, message)
  })
}

t.test('any text is a lease or a DetailedError', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      try {
        return encodeAttributes(decodeAttributes(text)) !== ''
      } catch (error) {
        return error instanceof DetailedError
      }
    }),
  )
})

t.test('the subnet of a family', async (t) => {
  const subnets = ['10.5.52.0/24', 'fd00:12:13::/56'].flatMap((text) => parseCidr(text) ?? [])
  const found = [4, 6].map((of) => subnetOf({ subnets }, of as 4 | 6))
  t.strictSame(
    found.map((cidr) => cidr && formatCidr(cidr)),
    ['10.5.52.0/24', 'fd00:12:13::/56'],
  )
  t.equal(subnetOf({ subnets: subnets.slice(0, 1) }, 6), undefined)
})
