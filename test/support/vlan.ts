/** Whether the kernel filters VLANs on bridges, for the `skip` option of `t.test`. */
import { kernelSkip } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'

/** Why VLAN filtering cannot be tested here, as iproute2 finds it; false when it can. */
export function vlanSkip(): string | false {
  const bridge = 'ip link add cnits-vlan type bridge vlan_filtering 1'
  try {
    runSync(['unshare', '--net', 'sh', '-c', bridge])
    return false
  } catch {
    return kernelSkip() || 'the kernel has no VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)'
  }
}

/** Why the lack of VLAN filtering cannot be tested here; false when it can. */
export function withoutVlanSkip(): string | false {
  return kernelSkip() || (vlanSkip() === false ? 'the kernel has VLAN filtering' : false)
}
