import t from 'tap'
import type { NodeAttachment } from '../../../commands/node/attachments.ts'
import { problemOf } from '../../../commands/node/health.ts'
import type { SandboxState } from '../../../commands/node/sandbox-state.ts'
import { cidr } from '../../support/address.ts'
import { attachmentOf, reservationOf, result, vethOf } from './attachment.ts'

const link = vethOf({ name: 'eth0' })
const addresses = [cidr('10.244.1.2/24'), cidr('fe80::1/64')]
const there: SandboxState = { state: 'there', link, addresses }
const store = { network: 'cbr0', reservations: [reservationOf()] }

function problem(parts: Partial<NodeAttachment>, sandbox = there, stores = [store]): string {
  return problemOf(attachmentOf(parts), sandbox, stores)
}

t.test('a complete attachment has none', async (t) => {
  t.equal(problem({}), '')
  t.equal(problem({ netns: '' }, { state: 'unknown' }), '', 'its sandbox is not known')
  t.equal(problem({ result: undefined }), '', 'its runtime keeps no results')
  t.equal(problem({ result: undefined, netns: '' }, { state: 'unknown' }), '')
  t.equal(problem({ reservations: [] }, there, []), '', 'another IPAM plugin keeps its address')
  t.equal(problem({ network: 'net2', reservations: [] }), '')
})

t.test('a result without a host end needs none', async (t) => {
  const macvlan = { ...result, interfaces: result.interfaces.slice(2) }
  t.equal(problem({ result: macvlan, port: undefined }), '')
})

t.test('a pair without a bridge needs none', async (t) => {
  const { master, ...port } = vethOf()
  const ptp = { ...result, interfaces: result.interfaces.slice(1) }
  t.equal(problem({ result: ptp, port }), '')
})

const problems: [want: string, parts: Partial<NodeAttachment>, sandbox?: SandboxState][] = [
  ['its network namespace is gone', {}, { state: 'gone' }],
  ['nothing but its address is left', { result: undefined, port: undefined }, { state: 'unknown' }],
  ['nothing but its address is left', { result: undefined, port: undefined }, { state: 'gone' }],
  ['eth0 is gone', {}, { state: 'there', link: undefined, addresses: [] }],
  ['eth0 is down', {}, { state: 'there', link: { ...link, up: false }, addresses }],
  ['eth0 lacks 10.244.1.2/24', {}, { state: 'there', link, addresses: [cidr('10.244.1.2/16')] }],
  ['veth1 is gone', { port: undefined }],
  ['veth1 is down', { port: vethOf({ operState: 'down' }) }],
  ['veth1 is lower-layer-down', { port: vethOf({ operState: 'lower-layer-down' }) }],
]

t.test('says the first one', async (t) => {
  for (const [want, parts, sandbox] of problems) t.equal(problem(parts, sandbox), want)
  const { master, ...loose } = vethOf()
  t.equal(problem({ port: loose }), 'veth1 is not in a bridge')
  t.equal(problem({ port: loose, result: undefined }), 'veth1 is not in a bridge')
})

t.test('an address that may be given to another', async (t) => {
  const taken = [reservationOf({ containerId: 'another-container' })]
  t.equal(
    problem({}, there, [{ network: 'cbr0', reservations: taken }]),
    '10.244.1.2 is reserved for another-conta',
  )
  t.equal(problem({}, there, [{ network: 'cbr0', reservations: [] }]), '10.244.1.2 is not reserved')
})
