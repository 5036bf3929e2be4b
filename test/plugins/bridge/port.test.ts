import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { bridgeAdd, linkDelete, linkSet, vethAdd } from '../../../lib/net/link.ts'
import { waitForPort } from '../../../plugins/bridge/port.ts'
import { addNamespace, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { connect } from '../../support/connect.ts'
import { link } from '../../support/ip.ts'
import { contextOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const options = { skip: kernelSkip() }

/** A bridge with a port whose other end is down. */
function setUp(scope: Scope) {
  const node = addNamespace(scope)
  const connection = connect(scope, node)
  const bridge = bridgeAdd(connection, { name: 'cni0' })
  linkSet(connection, bridge.index, { up: true })
  const peer = { name: 'veth2' }
  return {
    node,
    connection,
    port: vethAdd(connection, { name: 'veth1', master: bridge.index, peer }),
  }
}

t.test('a port that works is not waited for', options, async (t) => {
  const { node, connection, port } = setUp(t)
  runSync(['ip', '-n', node.name, 'link', 'set', 'veth2', 'up'])
  while (link(node, 'veth1')?.operstate !== 'UP') await sleep(10)
  const context = contextOf()
  waitForPort(connection, port, context)
  t.strictSame(context.sleeps, [])
})

t.test('a port that does not come up', options, async (t) => {
  const { connection, port } = setUp(t)
  const context = contextOf()
  t.match(
    thrown(() => waitForPort(connection, port, context)),
    {
      code: 999,
      message: 'bridge port in error state: lower-layer-down',
      details: /^veth1 did not come up within 2.5 s of its other end: /,
    },
  )
  t.strictSame(context.sleeps.slice(0, 8), [1, 2, 4, 8, 16, 32, 64, 100])
  const slept = context.sleeps.reduce((sum, ms) => sum + ms, 0)
  t.ok(slept >= 2500 && slept <= 2600, `waited for ${slept} ms`)
})

t.test('a port that is deleted meanwhile', options, async (t) => {
  const { connection, port } = setUp(t)
  linkDelete(connection, port.index)
  t.match(
    thrown(() => waitForPort(connection, port, contextOf())),
    { message: 'bridge port in error state: gone' },
  )
})
