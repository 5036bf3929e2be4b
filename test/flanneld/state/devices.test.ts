import t from 'tap'
import type { Device } from '../../../flanneld/state/device.ts'
import { ensureDevice, raiseDevice } from '../../../flanneld/state/devices.ts'
import { type Link, linkList } from '../../../lib/net/link.ts'
import { getSysctl, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { connect } from '../../support/connect.ts'
import { link } from '../../support/ip.ts'
import { device as name, Machine, siteOf, vni } from '../../support/reconciled-node.ts'
import { backendOf } from '../../../flanneld/backends/index.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const skip = kernelSkip() || vxlanSkip()

/** A machine, and what makes devices on it. */
function makeMaker(scope: Scope) {
  const machine = new Machine(scope)
  const connection = connect(scope, machine.namespace)
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const [device] = backendOf({ type: 'vxlan', options: { VNI: vni } }).nodeState(siteOf()).devices
  if (device === undefined) throw new Error('vxlan has no device')
  const links = {
    link: (of: string) => linkList(connection).find((each) => each.name === of),
    setLink: (_: Link) => undefined,
  }
  const maker = { connection, links, log: { debug: say, info: say, warn: say, error: say } }
  const inNamespace = <T>(work: () => T) => machine.netns.run<unknown>(work) as T
  return {
    machine,
    device,
    said: () => said.splice(0),
    ensure: (changes: Partial<Device> = {}) =>
      inNamespace(() => ensureDevice(maker, { ...device, ...changes })),
    raise: () => inNamespace(() => raiseDevice(maker, name)),
  }
}

t.test('a device is made once, and changed where that can be done', { skip }, async (t) => {
  const { machine, device, said, ensure, raise } = makeMaker(t)
  t.equal(ensure(), 'made')
  t.strictSame(said(), [`made ${name} with MAC ${device.mac}, MTU 1450 and VNI ${vni} on eth0`])
  t.equal(raise(), true)
  t.equal(getSysctl(machine.namespace, `net/ipv6/conf/${name}/accept_ra`), '0')
  t.equal(raise(), false)
  t.equal(ensure(), 'nothing')
  t.strictSame(said(), [])
  const { ifindex } = link(machine.namespace, name)!
  const mac = '0e:00:00:00:00:77'
  t.equal(ensure({ mac, mtu: 1400, learning: true }), 'changed')
  const changed = link(machine.namespace, name)!
  t.match(changed, { ifindex, address: mac, mtu: 1400 })
  t.match(changed.linkinfo?.info_data, { learning: true, id: vni })
  t.ok(changed.flags.includes('UP'), 'it is up all the time')
  t.match(said(), [/^changing flannel\.\d+: its MTU is 1450, not 1400, its MAC is .*learning/])
  t.equal(ensure({ gbp: true }), 'made')
  t.not(link(machine.namespace, name)?.ifindex, ifindex)
  t.match(said(), [/^making flannel\.\d+ anew: its GBP is false, not true/, /^made /])
})

t.test('what has the name but is none', { skip }, async (t) => {
  const { machine, said, ensure } = makeMaker(t)
  machine.ip(`link add ${name} type bridge`)
  t.equal(ensure(), 'made')
  t.equal(link(machine.namespace, name)?.linkinfo?.info_kind, 'vxlan')
  t.match(said(), ['it is a bridge', 'made '])
})

t.test('what cannot be made', { skip }, async (t) => {
  const { machine, ensure } = makeMaker(t)
  const nowhere = thrownDetailed(() => ensure({ parent: 'eth7' }))
  t.equal(nowhere.message, `making ${name}: there is no interface eth7`)
  machine.ip(`link add other type vxlan id ${vni} dstport 8472 dev eth0`)
  const taken = thrownDetailed(() => ensure())
  t.equal(taken.message, `making ${name}: another vxlan device has VNI ${vni} and the same port`)
  t.match(taken.details, /ip -d link show type vxlan/)
  machine.ip('link del other')
  t.equal(ensure(), 'made')
})
