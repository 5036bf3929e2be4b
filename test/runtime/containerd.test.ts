/** The flannel chain under a real runtime: containerd calls our executables, as installed. */
import { copyFileSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { containerdSkip, startContainerd } from '../support/containerd.ts'
import { runContainer } from '../support/ctr-container.ts'
import { installAll } from '../support/flannel-node.ts'
import { globalCidrs, link, ports } from '../support/ip.ts'

const root = join(import.meta.dirname, '../..')

// What Go's flannel would have saved: compact, keys sorted.
const savedConf =
  '{"cniVersion":"1.0.0","hairpinMode":true,"ipMasq":false,' +
  '"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}],' +
  '"type":"host-local"},"isDefaultGateway":true,"isGateway":true,"mtu":1450,"name":"cbr0",' +
  '"type":"bridge"}'

t.test('containers on a flannel node', { skip: kernelSkip() || containerdSkip() }, async (t) => {
  const node = makeNode(t)
  installAll(node)
  const at = (path: string) => join(node.dir, path)
  copyFileSync(join(root, 'conf/subnet.env'), at('run/flannel/subnet.env'))
  const containerd = await startContainerd(node, t)
  await containerd.importImage('default')
  const networks = at('var/lib/cni/networks/cbr0')
  const flannel = at('var/lib/cni/flannel')

  const one = await runContainer(containerd, 'one', 'ip address; ping -c 1 -W 3 10.244.1.1')
  t.match(one.output, ' 0% packet loss', 'the pod reaches its gateway')
  t.match(one.output, /eth0@.* mtu 1450 /)
  t.match(one.output, 'inet 10.244.1.2/24 brd 10.244.1.255')

  const [port] = ports(node, 'cni0')
  t.equal(port?.mtu, 1450)
  t.equal(port?.linkinfo?.info_slave_data?.['hairpin'], true)
  t.same(globalCidrs(node, 'cni0'), ['10.244.1.1/24'])

  t.equal(readFileSync(join(flannel, 'default-one'), 'utf8'), savedConf)
  t.equal(mode(flannel), 0o700)
  t.equal(mode(join(flannel, 'default-one')), 0o600)
  const reserved = ['.default-one eth0', '10.244.1.2', 'last_reserved_ip.0', 'lock']
  t.same(readdirSync(networks).sort(), reserved)
  t.equal(readFileSync(join(networks, '10.244.1.2'), 'utf8'), 'default-one\r\neth0')
  t.equal(mode(join(networks, '10.244.1.2')), 0o600)
  t.equal(readFileSync(join(networks, 'last_reserved_ip.0'), 'utf8'), '10.244.1.2')

  const two = await runContainer(containerd, 'two', 'ping -c 1 -W 3 10.244.1.2')
  t.match(two.output, ' 0% packet loss', 'one pod reaches the other')
  t.equal(ports(node, 'cni0').length, 2)

  await one.remove()
  t.same(readdirSync(flannel), ['default-two'], 'the other pod keeps its state')
  await two.remove()
  t.same(ports(node, 'cni0'), [], 'no port is left')
  t.same(readdirSync(flannel), [], 'no saved configuration is left')
  t.same(readdirSync(networks).sort(), ['last_reserved_ip.0', 'lock'], 'no address is left')
  t.ok(link(node, 'cni0'), 'the bridge stays')
})

function mode(path: string): number {
  return statSync(path).mode & 0o777
}
