/** Addresses, routes and gateways of the bridge plugin, of either family and both. */
import type { Case } from '../case.ts'
import {
  add,
  bridge,
  check,
  del,
  eth1,
  hostLocalIpam,
  pod2,
  shell,
  subnets,
  v4,
  v6,
} from './builders.ts'

const dual = subnets(v4, v6)
const refusedRoute = ['route-text', 'rollback', 'early-forwarding']
const noIpv6 = `nsenter --net="$POD" -- sh -c 'for key in all default lo; do
  echo 1 > /proc/sys/net/ipv6/conf/$key/disable_ipv6; done'`
const routed = (...routes: readonly object[]) => ({
  ...hostLocalIpam({ ranges: [[{ subnet: v4 }], [{ subnet: v6 }]], routes }),
})

export const bridgeAddressCases: readonly Case[] = [
  bridge('IPv6, no gateway', { ipam: subnets(v6) }, { differs: ['moving-mac'] }),
  bridge('IPv6, isGateway', { isGateway: true, ipam: subnets(v6) }),
  bridge('IPv6, isDefaultGateway', { isDefaultGateway: true, ipam: subnets(v6) }),
  bridge('dual stack, no gateway', { ipam: dual }, { differs: ['moving-mac'] }),
  bridge('dual stack, isGateway', { isGateway: true, ipam: dual }),
  bridge(
    'dual stack, isDefaultGateway',
    { isDefaultGateway: true, ipam: dual },
    { differs: ['queue-length', 'alias', 'bridge-alias', 'no-dad', 'keep-addresses'] },
  ),
  bridge('dual stack, IPv6 first', { isDefaultGateway: true, ipam: subnets(v6, v4) }),
  bridge('dual stack and enabledad', { isDefaultGateway: true, enabledad: true, ipam: dual }),
  bridge('dual stack and hairpinMode', { isGateway: true, hairpinMode: true, ipam: dual }),
  bridge('dual stack and promiscMode', { isGateway: true, promiscMode: true, ipam: dual }),
  bridge(
    'two subnets of IPv6',
    {
      isDefaultGateway: true,
      ipam: subnets(v4, v6, 'fd01::/64'),
    },
    { steps: [add, del] },
  ),
  bridge(
    'a sandbox in which IPv6 is disabled',
    { isGateway: true, ipam: dual },
    {
      steps: [shell(noIpv6), add, check, del],
    },
  ),
  bridge(
    'IPv4 in a sandbox in which IPv6 is disabled',
    { isGateway: true, ipam: subnets(v4) },
    {
      steps: [shell(noIpv6), add, check, del],
    },
  ),
  bridge('a gateway in the middle of the subnet', {
    isDefaultGateway: true,
    ipam: hostLocalIpam({ subnet: v4, gateway: '10.1.2.100' }),
  }),
  bridge('a small subnet', {
    isDefaultGateway: true,
    ipam: hostLocalIpam({ subnet: '10.1.2.4/30' }),
  }),
  bridge(
    'routes by the gateway of their family',
    {
      isGateway: true,
      ipam: routed({ dst: '10.96.0.0/12' }, { dst: 'fd99::/64' }, { dst: '192.168.0.1/32' }),
    },
    { differs: ['route-check'] },
  ),
  bridge('routes by gateways of their own', {
    isGateway: true,
    ipam: routed({ dst: '10.96.0.0/12', gw: '10.1.2.9' }, { dst: 'fd99::/64', gw: 'fd00::9' }),
  }),
  bridge(
    'routes when there is no gateway',
    {
      ipam: routed({ dst: '10.96.0.0/12' }, { dst: 'fd99::/64' }),
    },
    { differs: ['moving-mac', 'route-check'] },
  ),
  bridge('a default route of the IPAM plugin', {
    isGateway: true,
    ipam: routed({ dst: '0.0.0.0/0' }, { dst: '::/0' }),
  }),
  bridge('a default route with a gateway beside isDefaultGateway', {
    isDefaultGateway: true,
    ipam: routed({ dst: '0.0.0.0/0', gw: '10.1.2.9' }, { dst: '::/0', gw: 'fd00::9' }),
  }),
  bridge(
    'a default route without a gateway beside isDefaultGateway',
    {
      isDefaultGateway: true,
      ipam: hostLocalIpam({ subnet: v4, routes: [{ dst: '0.0.0.0/0' }] }),
    },
    { steps: [add, del], differs: ['second-default-route'] },
  ),
  bridge(
    'two routes to one destination',
    {
      isGateway: true,
      ipam: routed(
        { dst: '10.96.0.0/12', gw: '10.1.2.8' },
        { dst: '10.96.0.0/12', gw: '10.1.2.9' },
        { dst: 'fd99::/64', gw: 'fd00::8' },
        { dst: 'fd99::/64', gw: 'fd00::9' },
      ),
    },
    { steps: [add, del] },
  ),
  bridge(
    'one route twice',
    {
      isGateway: true,
      ipam: routed({ dst: '10.96.0.0/12' }, { dst: '10.96.0.0/12' }),
    },
    { steps: [add, del], differs: refusedRoute },
  ),
  bridge(
    'a route with host bits',
    { isGateway: true, ipam: routed({ dst: '10.96.0.1/12' }) },
    {
      steps: [add, del],
      differs: refusedRoute,
    },
  ),
  bridge(
    'a route by a gateway that is out of reach',
    {
      isGateway: true,
      ipam: routed({ dst: '10.96.0.0/12', gw: '172.16.0.1' }),
    },
    { steps: [add, del], differs: refusedRoute },
  ),
  bridge(
    'two pods',
    { isDefaultGateway: true, ipam: dual },
    {
      steps: [add, pod2(add), check, pod2(check), del, pod2(check), pod2(del)],
    },
  ),
  bridge(
    'two interfaces of a pod',
    { isGateway: true, ipam: dual },
    {
      steps: [add, eth1(add), eth1(check), eth1(del), check, del],
    },
  ),
]
