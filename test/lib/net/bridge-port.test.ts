import t from 'tap'
import { portSet } from '../../../lib/net/bridge-port.ts'
import { bridgeAdd, linkByIndex, vethAdd } from '../../../lib/net/link.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { connect } from '../../support/connect.ts'
import { link } from '../../support/ip.ts'
import { sends } from '../../support/netlink.ts'

const options = { skip: kernelSkip() }

t.test('the request is that of iproute2', async (t) => {
  const changes = { hairpin: true, isolated: true }
  const { flags, wantedFlags } = sends(t, 'port-set', (c) => portSet(c, 4, changes))
  t.equal(flags, wantedFlags)
})

t.test('hairpin and isolation, each alone', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const bridge = bridgeAdd(connection, { name: 'cni0' })
  const { index } = vethAdd(connection, {
    name: 'veth1',
    master: bridge.index,
    peer: { name: 'veth2' },
  })
  for (const changes of [
    { hairpin: true },
    { isolated: true },
    { hairpin: false },
    { hairpin: true, isolated: false },
  ]) {
    const before = linkByIndex(connection, index)?.port
    portSet(connection, index, changes)
    const shown = link(node, 'veth1')?.linkinfo?.info_slave_data
    const wanted = { hairpin: shown?.['hairpin'], isolated: shown?.['isolated'] }
    t.strictSame(wanted, { hairpin: before?.hairpin, isolated: before?.isolated, ...changes })
    t.match(linkByIndex(connection, index)?.port, wanted)
  }
})

t.test('the state of a port', options, async (t) => {
  const node = addNamespace(t)
  const connection = connect(t, node)
  const bridge = bridgeAdd(connection, { name: 'cni0' })
  const pair = { name: 'veth1', master: bridge.index, peer: { name: 'veth2' } }
  t.equal(vethAdd(connection, pair).port?.state, 'disabled')
  t.equal(link(node, 'veth1')?.linkinfo?.info_slave_data?.['state'], 'disabled')
})

t.test('what is no port of a bridge is refused', options, async (t) => {
  const connection = connect(t, addNamespace(t))
  t.throws(() => portSet(connection, 1, { hairpin: true }), {
    message: 'operation not supported',
    code: 'ENOTSUP',
    details: 'link set if1 type bridge_slave hairpin true',
  })
})
