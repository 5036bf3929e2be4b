import t from 'tap'
import { mergeAttachments, type Sources } from '../../../commands/node/attachments.ts'
import { keptOf, reservationOf, result, vethOf } from './attachment.ts'

const nothing = { kept: [], reservations: [], links: [] }

t.test('nothing is known of nothing', async (t) => {
  t.strictSame(mergeAttachments(nothing), [])
})

t.test('all sources tell of one attachment', async (t) => {
  const reservation = reservationOf()
  const link = vethOf({ alias: 'cbr0/c1/eth0' })
  t.strictSame(
    mergeAttachments({ kept: [keptOf('c1')], reservations: [reservation], links: [link] }),
    [
      {
        network: 'cbr0',
        containerId: 'c1',
        ifName: 'eth0',
        netns: '/run/netns/web',
        args: [['K', 'v']],
        capabilityArgs: {},
        result,
        reservations: [reservation],
        port: link,
        since: 1000,
      },
    ],
  )
})

t.test('each of them is enough', async (t) => {
  const unknown = { netns: '', args: [], capabilityArgs: {}, result: undefined }
  const name = { network: 'cbr0', containerId: 'c1', ifName: 'eth0' }
  t.match(mergeAttachments({ ...nothing, kept: [keptOf('c1')] }), [
    { ...name, result, port: undefined, since: 1000 },
  ])
  const reservation = reservationOf()
  t.strictSame(mergeAttachments({ ...nothing, reservations: [reservation] }), [
    { ...unknown, ...name, reservations: [reservation], port: undefined, since: 2000 },
  ])
  const link = vethOf({ alias: 'cbr0/c1/eth0' })
  t.strictSame(mergeAttachments({ ...nothing, links: [link] }), [
    { ...unknown, ...name, reservations: [], port: link, since: undefined },
  ])
})

t.test('the sandbox is what the first source says that knows it', async (t) => {
  const kept = keptOf('c1')
  const old = { ...kept, netns: '' }
  const reservations = [reservationOf({ netns: '/run/netns/reserved' })]
  const netnsOf = (entry: Sources['kept'][number]) =>
    mergeAttachments({ ...nothing, kept: [entry], reservations }).map(({ netns }) => netns)
  const interfaces = [
    { name: 'eth9', sandbox: '/run/netns/other' },
    { name: 'eth0', sandbox: '/run/netns/result' },
  ]
  const told = { ...old, result: { ...result, interfaces } }
  t.strictSame(netnsOf({ ...told, netns: kept.netns }), ['/run/netns/web'])
  t.strictSame(netnsOf(told), ['/run/netns/result'])
  t.strictSame(netnsOf({ ...old, result: { ...result, interfaces: [] } }), ['/run/netns/reserved'])
  t.strictSame(netnsOf({ ...old, result: undefined }), ['/run/netns/reserved'])
  t.match(mergeAttachments({ ...nothing, reservations }), [{ netns: '/run/netns/reserved' }])
})

t.test('the host end that a Go plugin made is known by the result', async (t) => {
  const links = [vethOf({ name: 'veth2' }), vethOf({ index: 9 }), vethOf({ name: 'cni0' })]
  const [attachment] = mergeAttachments({ ...nothing, kept: [keptOf('c1')], links })
  t.equal(attachment?.port?.index, 9)
})

t.test('other links are nobody’s', async (t) => {
  const links = [
    vethOf({ alias: 'to the printer' }),
    vethOf({ alias: 'cbr0/c1/eth0', kind: 'dummy' }),
    vethOf({ kind: 'bridge', name: 'cni0' }),
  ]
  t.strictSame(mergeAttachments({ ...nothing, links }), [])
})

t.test('one with two addresses is one, and one in another network is another', async (t) => {
  const reservations = [
    reservationOf(),
    reservationOf({ address: 'fd00::2' }),
    reservationOf({ network: 'net2' }),
    reservationOf({ ifName: 'net1' }),
  ]
  const merged = mergeAttachments({ ...nothing, reservations })
  t.strictSame(
    merged.map((each) => [each.network, each.ifName, each.reservations.length]),
    [
      ['cbr0', 'eth0', 2],
      ['cbr0', 'net1', 1],
      ['net2', 'eth0', 1],
    ],
  )
})

t.test('what other machines have reserved is not this node’s', async (t) => {
  const other = reservationOf({ machine: 'other' })
  const unknown = reservationOf({ machine: 'unknown' })
  t.strictSame(mergeAttachments({ ...nothing, reservations: [other, unknown] }), [])
  const kept = [keptOf('c1')]
  t.match(mergeAttachments({ ...nothing, kept, reservations: [other] }), [{ reservations: [] }])
  t.match(mergeAttachments({ ...nothing, kept, reservations: [unknown] }), [
    { reservations: [unknown] },
  ])
  const links = [vethOf({ alias: 'cbr0/c1/eth0' })]
  t.match(mergeAttachments({ ...nothing, links, reservations: [unknown] }), [
    { reservations: [unknown] },
  ])
})

t.test('an old reservation goes to the attachment of its container', async (t) => {
  const old = reservationOf({ ifName: '' })
  t.match(mergeAttachments({ ...nothing, kept: [keptOf('c1')], reservations: [old] }), [
    { ifName: 'eth0', reservations: [old] },
  ])
  t.match(mergeAttachments({ ...nothing, kept: [keptOf('c2')], reservations: [old] }), [
    { containerId: 'c1', ifName: '', reservations: [old] },
    { containerId: 'c2', reservations: [] },
  ])
})
