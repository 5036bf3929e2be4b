import t from 'tap'
import { portVlans } from '../../../plugins/bridge/vlan.ts'

t.test('the VLANs of a port', async (t) => {
  const untagged = (id: number) => ({ id, pvid: true, untagged: true })
  const tagged = (id: number) => ({ id, pvid: false, untagged: false })
  const of = (vlan?: number, vlanTrunk?: number[]) =>
    portVlans({ vlan, vlanTrunk, preserveDefaultVlan: false })
  t.strictSame(of(100), [untagged(100)])
  t.strictSame(of(undefined, [101, 102]), [untagged(1), tagged(101), tagged(102)])
  t.strictSame(of(100, [101]), [untagged(100), tagged(101)])
  t.strictSame(of(100, [100, 101]), [untagged(100), tagged(101)], 'one of both is untagged')
  t.strictSame(of(undefined, [1, 2]), [untagged(1), tagged(2)])
})
