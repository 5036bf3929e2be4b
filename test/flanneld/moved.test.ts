/** A node whose address changes while etcd does not answer. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { link } from '../support/ip.ts'
import { loneAgentSkip, startLoneAgent } from '../support/lone-agent.ts'

const options = { skip: loneAgentSkip }
t.test('the other nodes and the plugin are told as soon as it can be', options, async (t) => {
  const { node, etcd, subnetFile, log, leases, ip } = await startLoneAgent(t)
  await etcd.stop()
  ip('address add 192.168.10.2/24 dev wire')
  ip('address delete 192.168.9.1/24 dev wire')
  ip('link set wire mtu 1400')
  await eventually('an error', () => log().includes('the external interface has changed: '))
  await etcd.start()
  await eventually('the new address', () => leases().includes('"PublicIP":"192.168.10.2"'))
  t.match(readFileSync(subnetFile, 'utf8'), 'FLANNEL_MTU=1350\n')
  t.equal(link(node, 'flannel.1')?.mtu, 1350)
  t.match(leases(), link(node, 'flannel.1')?.address)
})
