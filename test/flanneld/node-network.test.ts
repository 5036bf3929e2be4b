import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import type { AgentOptions } from '../../flanneld/agent-options.ts'
import { backendOf } from '../../flanneld/backends/index.ts'
import { noMetrics } from '../../flanneld/metrics.ts'
import { parseNetworkConf } from '../../flanneld/network-conf.ts'
import { NodeNetwork } from '../../flanneld/node-network.ts'
import { parseOptions } from '../../flanneld/options.ts'
import { findPlace } from '../../flanneld/site.ts'
import type { LeaseAttributes } from '../../lib/flannel/lease.ts'
import { formatIp } from '../../lib/ip/ip.ts'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { vxlanSkip } from '../support/cluster.ts'
import { connect } from '../support/connect.ts'
import { eventually } from '../support/eventually.ts'
import { device, leaseOf, mac, Machine, siteOf, vni } from '../support/reconciled-node.ts'

const skip = kernelSkip() || vxlanSkip()

t.test('the external interface has another address', { skip }, async (t) => {
  const machine = new Machine(t)
  const file = join(t.testdir(), 'subnet.env')
  const published: LeaseAttributes[] = []
  const errors: string[] = []
  let mustFail = true
  const unused = () => Promise.reject(new Error('nobody asks for this'))
  const backendConf = { Type: 'vxlan', VNI: vni, MTU: 1400 }
  const json = JSON.stringify({ Network: '10.244.0.0/16', Backend: backendConf })
  const conf = parseNetworkConf(json, 'test')
  const nothing = () => undefined
  const given: AgentOptions = {
    options: parseOptions(['--iface=eth0', `--subnet-file=${file}`], {}, t.fail),
    manager: {
      ...{ networkConf: unused, storedAttributes: unused, acquire: unused, keep: unused },
      watch: () => {
        throw new Error('nobody asks for this')
      },
      publish: async (attributes) => {
        if (mustFail) throw new Error('nobody is there')
        published.push(attributes)
      },
    },
    connection: connect(t, machine.namespace),
    subscription: machine.subscribe(t),
    log: { info: nothing, warn: nothing, debug: nothing, error: (text) => void errors.push(text) },
    metrics: noMetrics,
    notifier: { ready: nothing, status: nothing, stopping: nothing },
    searchPath: '',
    entry: '',
  }
  const backend = backendOf(conf.backend)
  const lease = { ...leaseOf(1), subnets: siteOf().subnets }
  const place = findPlace(given, conf)
  const network = new NodeNetwork(given, { conf, backend, place, macs: { 4: mac(1) }, lease })
  t.teardown(() => network[Symbol.asyncDispose]())
  network.peers.apply({ kind: 'all', leases: new Map([['2', leaseOf(2)]]) })
  const local = () => / local (\S+) /.exec(machine.ip('-d link show type vxlan'))?.[1]
  await eventually('the device is there', () => local() === '192.0.2.1')

  machine.ip('address add 192.0.2.5/24 dev eth0')
  machine.ip('address del 192.0.2.1/24 dev eth0')
  machine.ip('address replace 192.0.2.5/24 dev eth0')
  await eventually('the device has another one', () => local() === '192.0.2.5')
  await eventually('the peer is reached', () => {
    return machine.state().includes(`10.244.2.0/24 via 10.244.2.0 dev ${device} onlink`)
  })
  await eventually('the others could not be told', () => errors.length > 0)
  t.strictSame(errors, ['the external interface has changed: nobody is there'])
  await setTimeout(1000)
  mustFail = false // and nothing happens to the interface any more
  await eventually('they are told', () => published.length > 0)
  t.match(published, [{ backendType: 'vxlan', backendData: { VtepMAC: mac(1) } }])
  t.equal(published[0]?.publicIp && formatIp(published[0].publicIp), '192.0.2.5')
  await eventually('the file is written', () => /MTU=1350/.test(readFileSync(file, 'utf8')))
  t.equal(errors.length, 1)
})
