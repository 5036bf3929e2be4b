import t from 'tap'
import { backendOf } from '../../../flanneld/backends/index.ts'
import { chooseMacs } from '../../../flanneld/backends/macs.ts'
import type { LeaseAttributes } from '../../../lib/flannel/lease.ts'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { connect } from '../../support/connect.ts'
import { leaseOf, mac, Machine, siteOf, vni } from '../../support/reconciled-node.ts'

const skip = kernelSkip() || vxlanSkip()

t.test('of the device, else of the lease, else any', { skip }, async (t) => {
  const machine = new Machine(t)
  const connection = connect(t, machine.namespace)
  const backend = backendOf({ type: 'vxlan', options: { VNI: vni } })
  let asked = 0
  const choose = (attributes?: LeaseAttributes, families: readonly (4 | 6)[] = [4, 6]) =>
    chooseMacs(backend, siteOf(families), connection, async () => {
      asked++
      return attributes
    })
  const random = [await choose(), await choose()]
  t.equal(asked, 2)
  const all = random.flatMap((macs) => Object.values(macs))
  t.equal(new Set(all).size, 4, 'each another one')
  for (const each of all) {
    t.match(each, /^[\da-f][26ae](?::[\da-f]{2}){5}$/, 'local, of one host')
  }
  t.strictSame(await choose(leaseOf(7).attributes), { 4: mac(7), 6: mac(0x67) })
  const four = await choose(leaseOf(7, { backendV6Data: undefined }).attributes)
  t.equal(four[4], mac(7))
  t.match(four[6], /^..:/)

  const add = (local: string) =>
    machine.ip(
      `link add flannel.${vni} address ${mac(9)} type vxlan id ${vni} local ${local} ` +
        'dev eth0 nolearning dstport 8472',
    )
  add('192.0.2.1')
  t.strictSame(await choose(leaseOf(7).attributes), { 4: mac(9), 6: mac(0x67) })
  asked = 0
  t.strictSame(await choose(leaseOf(7).attributes, [4]), { 4: mac(9) })
  t.equal(asked, 0, 'nobody is asked for what is known')
  machine.ip(`link del flannel.${vni}`)
  add('192.0.2.99')
  t.strictSame(await choose(leaseOf(7).attributes, [4]), { 4: mac(7) }, 'of another device')
  machine.ip('link del eth0')
  t.strictSame(await choose(leaseOf(7).attributes, [4]), { 4: mac(7) })
})
