/** CHECK of the portmap plugin: it misses any rule that is gone, by both backends. */
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { makePortmapNode, type PortmapNode, ports } from '../support/portmap.ts'

const options = { skip: kernelSkip() }
const mappings = ports(
  { hostPort: 8080, containerPort: 80 },
  { hostPort: 8081, containerPort: 81, hostIP: '192.0.2.1' },
  { hostPort: 53, containerPort: 53, protocol: 'udp' },
)

/** Every rule of both families, as the argument list that deletes it. */
const listed = {
  nftables({ run }: PortmapNode): string[][] {
    return ['ip', 'ip6'].flatMap((family) => {
      const { nftables } = JSON.parse(run('nft', '-j', 'list', 'table', family, 'cni_hostport'))
      return (nftables as { rule?: { chain: string; handle: number } }[]).flatMap(({ rule }) =>
        rule === undefined
          ? []
          : [
              [
                'nft',
                'delete',
                'rule',
                family,
                'cni_hostport',
                rule.chain,
                'handle',
                `${rule.handle}`,
              ],
            ],
      )
    })
  },
  iptables({ run }: PortmapNode): string[][] {
    return ['iptables', 'ip6tables'].flatMap((program) =>
      run(program, '-t', 'nat', '-S')
        .split('\n')
        .filter((line) => line.startsWith('-A'))
        .map((line) => ['sh', '-c', `${program} -t nat ${line.replace('-A', '-D')}`]),
    )
  },
} as const

for (const backend of ['nftables', 'iptables'] as const) {
  t.test(backend, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const pod = node.pod()
    await node.network.attach(pod, mappings)
    await node.network.silent('CHECK', pod, mappings)
    const count = listed[backend](node).length
    for (let index = 0; index < count; index++) {
      const [argv = []] = listed[backend](node).slice(index)
      node.run(...argv)
      const { code, stdout } = await node.network.call('CHECK', pod, mappings)
      t.equal(code, 1, argv.join(' '))
      t.match(stdout, /missing .*rule|not found/)
      await node.network.attach(pod, mappings)
      t.equal(listed[backend](node).length, count, 'ADD makes it anew')
    }
    const { msg } = await node.network.refused('CHECK', pod, { ...mappings, prevResult: undefined })
    t.equal(msg, 'Required prevResult missing')
  })

  t.test(`${backend}: a rule that comes first`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const [first, second] = [node.pod(), node.pod()]
    await node.network.attach(first, ports({ hostPort: 8080, containerPort: 80 }))
    await node.network.attach(second, ports({ hostPort: 8081, containerPort: 80 }))
    if (backend === 'nftables') {
      const { containerId } = second
      const rule = `udp dport 8080 dnat to 10.9.0.3:80 comment "${containerId}"`
      node.run('nft', 'insert', 'rule', 'ip', 'cni_hostport', 'hostports', ...rule.split(' '))
      await node.network.silent('CHECK', first, ports({ hostPort: 8080, containerPort: 80 }))
      const tcp = rule.replace('udp', 'tcp')
      node.run('nft', 'insert', 'rule', 'ip', 'cni_hostport', 'hostports', ...tcp.split(' '))
    } else {
      const shared = 'CNI-HOSTPORT-DNAT'
      const jump = node.run('iptables', '-t', 'nat', '-S', shared).split('\n')[2] ?? ''
      const forged = jump.replace('-A', '-I').replaceAll('8081', '8080')
      const chain = jump.split(' ').at(-1)
      const port = '-p tcp --dport 8080 -j DNAT --to-destination 10.9.0.3:80'
      node.run('sh', '-c', `iptables -t nat ${forged}; iptables -t nat -A ${chain} ${port}`)
    }
    const { msg } = await node.network.refused(
      'CHECK',
      first,
      ports({ hostPort: 8080, containerPort: 80 }),
    )
    t.equal(msg, `host port 8080/tcp leads to container ${second.containerId}`)
  })
}

t.test('iptables: on a node that has no rule at all', options, async (t) => {
  const node = makePortmapNode(t, { backend: 'iptables' })
  const { json } = await node.network.call('CHECK', node.pod(), mappings)
  t.match(
    json.msg,
    /^could not check ipv4 dnat: chain CNI-DN-[0-9a-f]{21} not found in iptables table nat$/,
  )
})
