/** What CHECK of the bridge plugin finds when somebody has changed something behind an ADD. */
import type { Case, Change } from '../case.ts'
import { add, bridge, check, del, inPod, shell, subnets, v4, v6 } from './builders.ts'

const conf = { isDefaultGateway: true, ipam: subnets(v4, v6) }
const mac = '0a:58:0a:09:09:09'
const port = '"$(ls /proc/sys/net/ipv4/conf | grep ^veth)"'

function changed(name: string, change: Change, rest: Partial<Case> = {}): Case {
  return bridge(`CHECK when ${name}`, conf, { steps: [add, change, check, del], ...rest })
}

export const bridgeCheckCases: readonly Case[] = [
  changed('nothing has changed', shell(':')),
  changed('the addresses are gone', inPod('ip address flush dev eth0 scope global')),
  changed('the IPv6 address is gone', inPod('ip address delete fd00::2/64 dev eth0')),
  changed('another address is there', inPod('ip address add 10.66.0.1/24 dev eth0')),
  changed('the default route is gone', inPod('ip route delete default'), {
    differs: ['route-text/check'],
  }),
  changed('another route is there', inPod('ip route add 10.99.0.0/16 via 10.1.2.9')),
  changed('the MAC is another', inPod(`ip link set eth0 address ${mac}`)),
  changed('the interface is gone', inPod('ip link delete eth0')),
  changed(
    'the interface has another name',
    inPod('sh -c "ip link set eth0 down; ip link set eth0 name eth9"'),
    { kernel: 'after every step', differs: ['kept-address', 'orphan'] },
  ),
  changed('the bridge’s MAC is another', shell(`ip link set cni0 address ${mac}`)),
  changed('the bridge is gone', shell('ip link delete cni0')),
  changed('the port is of no bridge', shell(`ip link set ${port} nomaster`)),
  changed('the port’s MAC is another', shell(`ip link set ${port} address ${mac}`)),
  changed(
    'the reservations are gone',
    shell('rm "$DIR/networks/net1/10.1.2.2" "$DIR/networks/net1/fd00::2"'),
  ),
]
