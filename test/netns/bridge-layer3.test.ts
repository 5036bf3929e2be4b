/** The bridge plugin with addresses: what it answers, and what the kernel has then. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { getSysctl, kernelSkip, makeNode, setSysctl } from '../../scripts/lab/node.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { globalCidrs, link, reaches, routes } from '../support/ip.ts'
import { fakeIpam, fakeIpamCalls, fakeIpamStdin, hostLocal, reserved } from '../support/ipam.ts'

const options = { skip: kernelSkip() }

const forwarding = { v4: 'net/ipv4/ip_forward', v6: 'net/ipv6/conf/all/forwarding' }

t.test('a pod on a bridge that is its default gateway', options, async (t) => {
  const node = makeNode(t)
  setSysctl(node, forwarding.v6, '0')
  const [pod, other] = [node.pod(), node.pod()]
  const network = makeNetwork(node, {
    isDefaultGateway: true,
    ipam: hostLocal(node, '10.1.2.0/24'),
  })

  const result = await network.attach(pod)
  const [port] = veths(node)
  const [bridge, eth0] = [link(node, 'cni0'), link(pod, 'eth0')]
  t.strictSame(result, {
    cniVersion: '1.1.0',
    interfaces: [
      { mac: bridge?.address, name: 'cni0' },
      { mac: port?.address, name: port?.ifname },
      { mac: eth0?.address, name: 'eth0', sandbox: pod.netns },
    ],
    ips: [{ address: '10.1.2.2/24', gateway: '10.1.2.1', interface: 2 }],
    routes: [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }],
  })
  t.equal(new Set([bridge, port, eth0].map((each) => each?.address)).size, 3, 'three MACs')
  t.match(port, { ifname: /^veth[0-9a-f]{8}$/, master: 'cni0', operstate: 'UP' })
  t.match(eth0, { linkinfo: { info_kind: 'veth' } })
  t.ok(eth0?.flags.includes('UP'))
  t.match(bridge, { linkinfo: { info_kind: 'bridge', info_data: { vlan_filtering: 0 } } })
  t.strictSame(globalCidrs(pod, 'eth0'), ['10.1.2.2/24'])
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'])
  t.match(routes(pod), [{ dst: 'default', gateway: '10.1.2.1', dev: 'eth0', protocol: 'boot' }, {}])
  t.equal(getSysctl(pod, 'net/ipv4/conf/eth0/arp_notify'), '1')
  t.strictSame([getSysctl(node, forwarding.v4), getSysctl(node, forwarding.v6)], ['1', '0'])

  await network.attach(other)
  t.ok(await reaches(pod, '10.1.2.1'), 'the pod reaches the bridge')
  t.ok(await reaches(pod, '10.1.2.3'), 'the pod reaches the other one')
  t.ok(await reaches(node, '10.1.2.2'), 'the node reaches the pod')

  await network.silent('DEL', pod)
  t.equal(link(pod, 'eth0'), undefined)
  t.equal(veths(node).length, 1, 'the other pod keeps its port')
  t.strictSame(reserved(node), ['10.1.2.3'])
  t.ok(await reaches(other, '10.1.2.1'))
  await network.silent('DEL', other)
  t.strictSame([veths(node), reserved(node)], [[], []])
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'], 'the bridge stays as it is')
})

t.test('the result of every version', options, async (t) => {
  const node = makeNode(t)
  const ipam = { ...hostLocal(node, '10.1.2.0/24', 'fd00::/64'), routes: [{ dst: '10.96.0.0/12' }] }
  const network = makeNetwork(node, { isDefaultGateway: true, ipam })
  const v4 = [{ dst: '10.96.0.0/12' }, { dst: '0.0.0.0/0', gw: '10.1.2.1' }]
  const v6 = [{ dst: '::/0', gw: 'fd00::1' }]
  const gateways = { v4: '10.1.2.1', v6: 'fd00::1' }
  const single = (version: string, [ip4, ip6]: string[]) => ({
    cniVersion: version,
    ip4: { ip: ip4, gateway: gateways.v4, routes: v4 },
    ip6: { ip: ip6, gateway: gateways.v6, routes: v6 },
    dns: {},
  })
  const lists = (version: string, [ip4, ip6]: string[]) => ({
    cniVersion: version,
    interfaces: [{ name: 'cni0' }, { name: /^veth/ }, { name: 'eth0', sandbox: /^\/run\/netns/ }],
    ips: [
      { address: ip4, gateway: gateways.v4, interface: 2 },
      { address: ip6, gateway: gateways.v6, interface: 2 },
    ],
    routes: [...v4, ...v6],
  })
  let host = 2
  for (const version of ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
    const pod = node.pod()
    const result = await network.attach(pod, { cniVersion: version })
    const addresses = [`10.1.2.${host}/24`, `fd00::${host}/64`]
    if (version < '0.3.0') {
      t.strictSame(result, single(version, addresses), version)
    } else {
      t.match(result, lists(version, addresses), version)
      const versions = result.ips?.map((each) => each.version)
      t.strictSame(versions, version < '1.0.0' ? ['4', '6'] : [undefined, undefined])
      t.strictSame(result.dns, version < '1.0.0' ? {} : undefined)
      t.notOk(result.interfaces?.some((each) => 'mtu' in each))
    }
    t.strictSame(globalCidrs(pod, 'eth0'), addresses)
    await network.silent('DEL', pod, { cniVersion: version })
    host++
  }
  t.match(await network.attach(node.pod(), { cniVersion: undefined }), { cniVersion: '0.1.0' })
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24', 'fd00::1/64'])
})

t.test('the bridge is a gateway only when that is asked for', options, async (t) => {
  const node = makeNode(t)
  const network = makeNetwork(node, { ipam: hostLocal(node, '10.1.2.0/24') })
  const pod = node.pod()
  // host-local names the gateway all the same
  t.match(await network.attach(pod), { ips: [{ gateway: '10.1.2.1' }], routes: undefined })
  t.strictSame(globalCidrs(node, 'cni0'), [])
  t.equal(getSysctl(node, forwarding.v4), '0')
  t.equal(routes(pod).length, 1, 'no default route')

  const result = await network.attach(node.pod(), { isGateway: true })
  t.equal(result.routes, undefined)
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'])
  t.equal(getSysctl(node, forwarding.v4), '1')
})

t.test('what the IPAM plugin gets, and what it may answer', options, async (t) => {
  const node = makeNode(t)
  const dns = { nameservers: ['10.96.0.10'], search: ['cluster.local'] }
  const ipam = fakeIpam(node, { ips: [{ address: '10.1.2.5/24', interface: 9 }], dns })
  const network = makeNetwork(node, { isGateway: true, ipam })
  const pod = node.pod()
  const conf = `{ "name": "net1", "cniVersion": "1.0.0", "type": "bridge", "isGateway": true,
    "ipam": ${JSON.stringify(ipam)}, "runtimeConfig": {"x": 1}, "prevResult": null }`
  const { code, json } = await network.call('ADD', pod, {}, { conf })
  t.equal(code, 0)
  t.match(json, { ips: [{ address: '10.1.2.5/24', gateway: '10.1.2.1', interface: 2 }], dns })
  t.equal(fakeIpamStdin(node, 'ADD'), conf, 'the configuration as it came')

  await network.silent('DEL', pod, {}, { conf })
  t.equal(fakeIpamStdin(node, 'DEL'), conf)
  t.strictSame(fakeIpamCalls(node), ['ADD', 'DEL'])
  const own = { domain: 'example.net' }
  t.strictSame((await network.attach(pod, { dns: own })).dns, own, 'the configuration’s DNS wins')
  await network.silent('DEL', pod)
  t.strictSame((await network.attach(pod, { dns: { search: [] } })).dns, dns, 'unless it is empty')
})

t.test('DNS settings of resolvConf', options, async (t) => {
  const node = makeNode(t)
  const resolvConf = join(node.dir, 'resolv.conf')
  writeFileSync(resolvConf, 'nameserver 192.0.2.53\nsearch example.net\n')
  const ipam = { ...hostLocal(node, '10.1.2.0/24'), resolvConf }
  const { dns } = await makeNetwork(node, { ipam }).attach(node.pod())
  t.strictSame(dns, { nameservers: ['192.0.2.53'], search: ['example.net'] })
})

t.test('an IPAM plugin that is of no use', options, async (t) => {
  const node = makeNode(t)
  const empty = makeNetwork(node, { ipam: fakeIpam(node, { ips: [] }) })
  const pod = node.pod()
  t.match(await empty.refused('ADD', pod), {
    code: 999,
    msg: 'IPAM plugin returned missing IP config',
    details: /the fake plugin gave no address/,
  })
  t.strictSame(fakeIpamCalls(node), ['ADD', 'DEL'])

  const missing = makeNetwork(node, { ipam: { type: 'nowhere' } })
  t.match(await missing.refused('ADD', pod), {
    code: 999,
    msg: /^failed to find plugin "nowhere" in path \[/,
  })

  const broken = makeNetwork(node, { ipam: fakeIpam(node, {}) })
  const script = join(node.dir, 'bin/fake')
  writeFileSync(script, '#!/bin/sh\necho this is no result\n')
  chmodSync(script, 0o755)
  t.match(await broken.refused('ADD', pod), { msg: /^failed to unmarshal raw result: / })
  t.strictSame([veths(node), link(node, 'cni0')], [[], undefined], 'nothing is left')
})
