import t from 'tap'
import { formatIp } from '../../../lib/ip/ip.ts'
import { fdbDelete, type FdbEntry, fdbList, fdbReplace } from '../../../lib/net/fdb.ts'
import {
  type Neighbour,
  neighbourDelete,
  neighbourList,
  neighbourReplace,
} from '../../../lib/net/neighbour.ts'
import { addNamespace, kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { ip } from '../../support/address.ts'
import { connect } from '../../support/connect.ts'

const options = { skip: kernelSkip() }

/** A namespace with a vxlan device, as flannel's. */
function makeNode(scope: Scope) {
  const namespace = addNamespace(scope)
  const inside = (...words: string[]) => runSync(['ip', 'netns', 'exec', namespace.name, ...words])
  const vxlan = 'link add flannel.1 up type vxlan id 1 dstport 8472 nolearning dev lo'.split(' ')
  inside('ip', ...vxlan)
  const json = (...words: string[]) => JSON.parse(inside(...words)) as Record<string, unknown>[]
  const [{ ifindex } = { ifindex: 0 }] = json('ip', '-j', 'link', 'show', 'flannel.1')
  const connection = connect(scope, namespace)
  return { json, connection, linkIndex: Number(ifindex) }
}

t.test('neighbours', options, async (t) => {
  const { json, connection, linkIndex } = makeNode(t)
  const seen = () =>
    ['-4', '-6'].flatMap((of) =>
      json('ip', '-j', of, 'neigh', 'show', 'dev', 'flannel.1', 'nud', 'permanent').map(
        ({ dst, lladdr }) => `${dst} ${lladdr}`,
      ),
    )
  const first: Neighbour = { linkIndex, ip: ip('10.244.1.0'), mac: '0e:10:20:30:40:50' }
  const moved = { ...first, mac: '0e:10:20:30:40:51' }
  const second = { ...first, ip: ip('fd00:244:1::') }

  connection.executeAll([first, second, moved].map(neighbourReplace))
  t.strictSame(seen(), ['10.244.1.0 0e:10:20:30:40:51', 'fd00:244:1:: 0e:10:20:30:40:50'])
  const listed = ([4, 6] as const).flatMap((family) =>
    neighbourList(connection, { linkIndex, family }).filter(({ permanent }) => permanent),
  )
  t.strictSame(
    listed.map((each) => `${formatIp(each.ip)} ${each.mac}`),
    seen(),
  )
  connection.execute(neighbourDelete(first))
  t.strictSame(seen(), ['fd00:244:1:: 0e:10:20:30:40:50'])
  t.throws(() => connection.execute(neighbourDelete(first)), {
    code: 'ENOENT',
    details: /neighbour delete 10\.244\.1\.0 dev if\d+/,
  })
})

t.test('entries of a forwarding database', options, async (t) => {
  const { json, connection, linkIndex } = makeNode(t)
  const seen = () =>
    json('bridge', '-j', 'fdb', 'show', 'dev', 'flannel.1').map(
      ({ mac, dst, state, flags }) => `${mac} ${dst} ${state} ${flags}`,
    )
  const first: FdbEntry = { linkIndex, mac: '0e:10:20:30:40:50', dst: ip('192.0.2.1') }
  const moved = { ...first, dst: ip('192.0.2.2') }
  const second = { ...first, mac: '0e:10:20:30:40:51' }

  connection.executeAll([first, second, moved].map(fdbReplace))
  t.strictSame(seen().sort(), [
    '0e:10:20:30:40:50 192.0.2.2 permanent self',
    '0e:10:20:30:40:51 192.0.2.1 permanent self',
  ])
  t.strictSame(
    fdbList(connection, linkIndex)
      .map(({ mac, dst, permanent }) => `${mac} ${formatIp(dst)} ${permanent}`)
      .sort(),
    ['0e:10:20:30:40:50 192.0.2.2 true', '0e:10:20:30:40:51 192.0.2.1 true'],
  )
  connection.execute(fdbDelete(moved))
  t.strictSame(seen(), ['0e:10:20:30:40:51 192.0.2.1 permanent self'])
  t.throws(() => connection.execute(fdbDelete(moved)), {
    code: 'ENOENT',
    details: /fdb delete 0e:10:20:30:40:50 dev if\d+ dst 192\.0\.2\.2 self/,
  })
})
