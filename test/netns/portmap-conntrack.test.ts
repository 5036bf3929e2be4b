/** Connections of UDP and SCTP when a host port changes hands, as conntrack(8) shows them. */
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { openEnd } from '../support/echo.ts'
import { clientIp, makePortmapNode, nodeIp, type PortmapNode, ports } from '../support/portmap.ts'

const mapping = { hostPort: 5353, containerPort: 53, protocol: 'udp' }
const localPort = 40000

function skip(): string | false {
  try {
    runSync(['which', 'conntrack'])
    return kernelSkip()
  } catch {
    return 'conntrack is not installed' // which(1) fails for no other reason
  }
}

const options = { skip: skip() }

/** The connections from the client to a port, of one family and protocol. */
function connections({ run }: PortmapNode, family: 4 | 6, protocol: string, port: number) {
  const of = { 4: 'ipv4', 6: 'ipv6' }[family]
  const listed = run('conntrack', '-L', '-f', of, '-p', protocol, '--orig-port-dst', `${port}`)
  return listed.split('\n').filter((line) => line !== '')
}

for (const backend of ['nftables', 'iptables'] as const) {
  for (const family of [4, 6] as const) {
    t.test(`${backend}, IPv${family}: UDP`, options, async (t) => {
      const node = makePortmapNode(t, { backend })
      const { network } = node
      const [first, second] = [node.pod(), node.pod()]
      const client = openEnd(t, node.client)
      for (const [name, pod] of Object.entries({ first, second })) {
        await openEnd(t, pod).serve(name, 53)
      }
      const ask = () => client.ask('udp', nodeIp[family], 5353, localPort)

      // the rules of another port make the kernel track connections
      await network.attach(first, ports({ hostPort: 1, containerPort: 1 }))
      t.equal(await ask(), '')
      t.not(connections(node, family, 'udp', 5353).length, 0, 'tracked before the port is open')
      await network.attach(first, ports(mapping))
      t.equal(await ask(), `first saw ${clientIp[family]}`, 'forgotten by ADD')

      await network.silent('DEL', first, ports(mapping))
      t.strictSame(connections(node, family, 'udp', 5353), [], 'forgotten by DEL')
      t.equal(await ask(), '')
      await network.attach(second, ports(mapping))
      t.equal(await ask(), `second saw ${clientIp[family]}`, 'the port has changed hands')
    })
  }
}

t.test('DEL leaves the connections of others', options, async (t) => {
  const node = makePortmapNode(t, { backend: 'nftables' })
  const [first, second] = [node.pod(), node.pod()]
  const sctp = { ...mapping, protocol: 'sctp' }
  const insert = (pod: string, protocol: string, port: number) => {
    const state = protocol === 'sctp' ? ['--state', 'ESTABLISHED', '--orig-vtag', '1'] : []
    node.run(
      ...['conntrack', '-I', '-p', protocol, '-t', '100', ...state],
      ...(protocol === 'sctp' ? ['--reply-vtag', '2'] : []),
      ...['-s', clientIp[4], '-d', nodeIp[4], '--sport', `${port + 1}`, '--dport', `${port}`],
      ...['-r', pod, '-q', clientIp[4], '--reply-port-src', '53'],
      ...['--reply-port-dst', `${port + 1}`],
    )
  }
  await node.network.attach(first, ports(mapping, sctp))
  insert(first.ip[4], 'udp', 5353)
  insert(first.ip[4], 'sctp', 5353)
  insert(first.ip[4], 'udp', 5354)
  await node.network.silent('DEL', first)
  t.strictSame(connections(node, 4, 'udp', 5353), [])
  t.strictSame(connections(node, 4, 'sctp', 5353), [])
  t.equal(connections(node, 4, 'udp', 5354).length, 1, 'of another port')

  await node.network.attach(first, ports(mapping))
  insert(second.ip[4], 'udp', 5353)
  await node.network.silent('DEL', first)
  t.equal(connections(node, 4, 'udp', 5353).length, 1, 'of another container')
})
