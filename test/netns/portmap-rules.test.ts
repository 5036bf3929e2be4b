/** The rules of the portmap plugin, as nft and iptables-save show them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { getSysctl, kernelSkip } from '../../scripts/lab/node.ts'
import { recordsOf, rulesOf, tracesOf } from '../support/portmap-rules.ts'
import { makePortmapNode, ports } from '../support/portmap.ts'

const options = { skip: kernelSkip() }
const backends = ['nftables', 'iptables'] as const
const mappings = ports(
  { hostPort: 8080, containerPort: 80 },
  { hostPort: 53, containerPort: 53, protocol: 'udp' },
  { hostPort: 7000, containerPort: 7000, protocol: 'sctp' },
)

for (const backend of backends) {
  t.test(`${backend}: the life of an attachment`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const { network } = node
    const pod = node.pod()
    node.run('iptables', '-t', 'nat', '-A', 'PREROUTING', '-d', '192.0.2.77', '-j', 'ACCEPT')
    await network.attach(pod, mappings)
    const first = rulesOf(node)
    t.match(first, '10.9.0.2:80')
    t.match(first, '[fd09::2]:53')
    await network.attach(pod, mappings)
    t.equal(rulesOf(node), first, 'a repeated ADD leaves the same rules')
    t.strictSame(recordsOf(node), [`net1:${pod.containerId}:eth0`])
    await network.silent('CHECK', pod, mappings)

    await network.attach(pod, ports({ hostPort: 9090, containerPort: 90 }))
    t.notMatch(rulesOf(node), '10.9.0.2:80', 'another ADD replaces the rules')

    await network.silent('DEL', pod, mappings)
    t.strictSame(tracesOf(node, pod), [])
    t.strictSame(recordsOf(node), [])
    t.match(rulesOf(node), '-d 192.0.2.77/32 -j ACCEPT', 'rules of others stay')
    const { msg } = await network.refused('CHECK', pod, mappings)
    t.match(msg, backend === 'nftables' ? 'missing hostport rules in "hostports"' : 'not found in')
    await network.silent('DEL', pod, mappings)
  })

  t.test(`${backend}: an ADD that fails leaves nothing`, options, async (t) => {
    const conditions = { nftables: ['no', 'such', 'match'], iptables: ['--no-such-match'] }[backend]
    const node = makePortmapNode(t, { conditionsV6: conditions })
    const pod = node.pod()
    await node.network.attach(pod, { backend, conditionsV6: [], ...mappings })
    await node.network.silent('DEL', pod)
    const before = rulesOf(node)
    const { msg, details } = await node.network.refused('ADD', pod, mappings)
    t.match(msg, /^unable to (set up nftables rules|setup DNAT).*: running \[\/usr\/sbin\//)
    t.match(details, 'see what there is with: ')
    t.equal(rulesOf(node), before, 'IPv4 is undone')
    t.strictSame(recordsOf(node), [])
  })
}

t.test('a container without host ports costs nothing', options, async (t) => {
  const node = makePortmapNode(t)
  const [pod, other] = [node.pod(), node.pod()]
  await node.network.attach(other, mappings)
  const before = rulesOf(node)
  const log = join(node.node.dir, 'processes')
  const strace = ['strace', '-f', '-qq', '-e', 'trace=execve', '-e', 'status=successful', '-o', log]
  const traced = node.networkWith({}, (executable) => [...strace, executable])
  await traced.attach(pod)
  await traced.silent('CHECK', pod)
  await traced.silent('DEL', pod)
  await traced.silent('DEL', pod, mappings)
  const executed = readFileSync(log, 'utf8').match(/execve\("[^"]*tables|execve\("[^"]*nft/g)
  t.equal(executed, null, 'no process')
  t.equal(rulesOf(node), before)
  t.equal(getSysctl(node.node, 'net/ipv4/conf/br0/route_localnet'), '1')
})
