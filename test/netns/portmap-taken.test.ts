/** Host ports that two pods want: of a pod that is there, and of one that is gone. */
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { addNamespace, kernelSkip, type Pod } from '../../scripts/lab/node.ts'
import { makeOwnFolders, onNode } from '../../scripts/lab/own-folders.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { openEnd } from '../support/echo.ts'
import { recordsOf, rulesOf, tracesOf } from '../support/portmap-rules.ts'
import { makePortmapNode, nodeIp, ports, secondNodeIp } from '../support/portmap.ts'

const options = { skip: kernelSkip() }
const backends = ['nftables', 'iptables'] as const
const web = { hostPort: 8080, containerPort: 80 }

for (const backend of backends) {
  t.test(`${backend}: the port of a pod that is there`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const { network } = node
    const [first, second] = [node.pod(), node.pod()]
    await network.attach(first, ports({ ...web, hostIP: nodeIp[4] }))
    const before = rulesOf(node)
    const { code, msg, details } = await network.refused(
      'ADD',
      second,
      ports({ hostPort: 1, containerPort: 1 }, web),
    )
    t.equal(code, 11)
    t.equal(msg, 'host port 8080/tcp is already taken by another pod')
    t.equal(
      details,
      `container ${first.containerId} on network net1 has it, and its sandbox ${first.netns} ` +
        'exists; remove that pod, or choose another hostPort',
    )
    t.equal(rulesOf(node), before, 'nothing is half-done')
    await network.silent('CHECK', first, ports({ ...web, hostIP: nodeIp[4] }))

    await network.attach(
      second,
      ports(
        { ...web, protocol: 'udp' },
        { ...web, hostIP: secondNodeIp[4] },
        { ...web, hostIP: nodeIp[6] },
        { ...web, hostPort: 8081 },
      ),
    )
    t.equal(recordsOf(node).length, 2, 'another protocol, address, family or port is free')
  })

  t.test(`${backend}: the port of a pod that is gone`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const { network } = node
    const [first, second, third] = [node.pod(), node.pod(), node.pod()]
    await network.attach(first, ports(web, { hostPort: 9090, containerPort: 90 }))
    const number = statSync(first.netns).ino
    runSync(['ip', 'netns', 'delete', first.name])
    await inhabitNamespace(t, number)
    const [client, ends] = [openEnd(t, node.client), makeScope(t)]
    const server = openEnd(ends, second)
    await server.serve('second', 80)
    const { code, stderr } = await network.call('ADD', second, ports(web))
    t.equal(code, 0)
    t.match(stderr, `removing the host ports of container ${first.containerId}, which no longer`)
    t.match(await client.ask('tcp', nodeIp[4], 8080), 'second saw')
    t.match(await client.ask('tcp', nodeIp[6], 8080), 'second saw')
    t.notMatch(rulesOf(node), first.containerId)
    t.notMatch(rulesOf(node), '9090')
    t.strictSame(recordsOf(node), [`net1:${second.containerId}:eth0`])
    await network.silent('DEL', first, ports(web))
    t.match(await client.ask('tcp', nodeIp[4], 8080), 'second saw', 'a late DEL takes nothing away')

    const other = { nftables: 'iptables', iptables: 'nftables' }[backend]
    runSync(['ip', 'netns', 'delete', second.name])
    const late = openEnd(t, third)
    await late.serve('third', 80)
    const { code: refusal, details } = await network.refused('ADD', third, ports(web))
    t.equal(refusal, 11)
    t.match(details, `processes are in its sandbox, which was ${second.netns}; remove that pod`)
    await ends.end()
    await network.call('ADD', third, { ...ports(web), backend: other })
    t.match(await client.ask('tcp', nodeIp[4], 8080), 'third saw', 'also by the other backend')
    t.strictSame(
      tracesOf(node, second).filter((line) => line.includes('10.9.0.3')),
      [],
    )
  })

  t.test(`${backend}: the port of a pod of an earlier boot`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const { network } = node
    const [first, second, third] = [node.pod(), node.pod(), node.pod()]
    await network.attach(first, ports(web))
    const changeRecord = (pod: Pod, keys: object, writtenMs: number) => {
      const file = join(node.node.dir, `portmap/net1:${pod.containerId}:eth0`)
      const record = { ...JSON.parse(readFileSync(file, 'utf8')), ...keys } as object
      writeFileSync(file, JSON.stringify(record))
      utimesSync(file, writtenMs / 1000, writtenMs / 1000)
    }
    changeRecord(first, {}, 0)
    t.equal((await network.refused('ADD', second, ports(web))).code, 11, 'only the date is wrong')
    // after a reboot another namespace may have the same number at the same path
    changeRecord(first, { bootId: '0d5a2cf5-3a0f-4f0e-9b51-6a6bb5a1a3c5' }, Date.now())
    const { code, stderr } = await network.call('ADD', second, ports(web))
    t.equal(code, 0)
    t.match(stderr, `container ${first.containerId}, which no longer exists`)
    t.strictSame(recordsOf(node), [`net1:${second.containerId}:eth0`])

    changeRecord(second, { bootId: undefined }, Date.now())
    const { code: refusal } = await network.refused('ADD', third, ports(web))
    t.equal(refusal, 11, 'an earlier version does not tell the boot, but wrote it in this one')
    changeRecord(second, { bootId: undefined }, Date.now() - uptime() * 1000 - 60_000)
    await network.call('ADD', third, ports(web))
    t.strictSame(recordsOf(node), [`net1:${third.containerId}:eth0`])
  })

  t.test(`${backend}: the port of a pod that there is no record of`, options, async (t) => {
    const node = makePortmapNode(t)
    makeOwnFolders(node.node)
    const network = node.networkWith({ backend }, (executable) => onNode(node.node, [executable]))
    const [first, second] = [node.pod(), node.pod()]
    await network.attach(first, ports(web))
    node.run('rm', '-r', join(node.node.dir, 'portmap'))
    const results = join(node.node.dir, 'var/lib/cni/results')
    mkdirSync(results, { recursive: true })
    const { containerId, netns } = first
    const cache = (keys: object) => {
      const entry = { kind: 'cniCacheV1', containerId, ifName: 'eth0', networkName: 'net1', netns }
      writeFileSync(
        join(results, `net1-${containerId}-eth0`),
        JSON.stringify({ ...entry, ...keys }),
      )
    }
    const refusal = async () => {
      const { code, msg, details = '' } = await network.refused('ADD', second, ports(web))
      t.strictSame([code, msg], [11, 'host port 8080/tcp is already taken by another pod'])
      return details
    }
    const before = rulesOf(node)
    cache({})
    t.match(await refusal(), `its sandbox ${netns} exists; remove`, 'the runtime knows it')

    runSync(['ip', 'netns', 'delete', first.name])
    for (const keys of [{ containerId: 'another' }, { netns: '' }]) {
      cache(keys)
      t.match(await refusal(), 'nothing here tells whether its sandbox exists', 'no proof')
    }
    cache({ netns: `/proc/${process.pid}/nothing/net` })
    t.match(await refusal(), 'cannot be seen, but may exist; remove')
    t.equal(rulesOf(node), before)
    cache({})
    const { code, stderr } = await network.call('ADD', second, ports(web))
    t.equal(code, 0)
    t.match(stderr, `taking host port 8080/tcp over from container ${containerId}, which no`)
    t.notMatch(rulesOf(node), containerId)
    await network.silent('CHECK', second, ports(web))
  })

  t.test(`${backend}: the port of a pod that nothing here knows`, options, async (t) => {
    const node = makePortmapNode(t)
    makeOwnFolders(node.node)
    const network = node.networkWith({ backend }, (executable) => onNode(node.node, [executable]))
    const [first, second] = [node.pod(), node.pod()]
    const [client, server] = [openEnd(t, node.client), openEnd(t, first)]
    await server.serve('first', 80)
    await network.attach(first, ports(web))
    node.run('rm', '-r', join(node.node.dir, 'portmap'))
    const { code, details = '' } = await network.refused('ADD', second, ports(web))
    t.equal(code, 11)
    t.match(details, `container ${first.containerId} `)
    t.match(await client.ask('tcp', nodeIp[4], 8080), 'first saw', 'it keeps its port')

    const [, command = ''] = /remove its rules: (.*)$/.exec(details) ?? []
    const argv = ['sh', '-c', command.replaceAll('/opt/cni/bin', binDir())]
    t.equal(runSync(onNode(node.node, argv)), '')
    t.notMatch(rulesOf(node), first.containerId, 'what the error says to type removes them')
    await network.attach(second, ports(web))
  })
}

t.test('networks whose conditions differ share a port', options, async (t) => {
  const node = makePortmapNode(t, { backend: 'iptables' })
  const [first, second, third] = [node.pod(), node.pod(), node.pod()]
  const [one, two] = [
    ['-s', '192.0.2.2'],
    ['!', '-s', '192.0.2.2'],
  ]
  await node.network.attach(first, { ...ports(web), name: 'net1', conditionsV4: one })
  await node.network.attach(second, { ...ports(web), name: 'net2', conditionsV4: two })
  await node.network.silent('CHECK', first, { ...ports(web), name: 'net1', conditionsV4: one })
  const { code } = await node.network.refused('ADD', third, { ...ports(web), conditionsV4: two })
  t.equal(code, 11, 'pods on one network do not')
})

t.test('pods that want one port at the same time', options, async (t) => {
  const node = makePortmapNode(t)
  const pods = [node.pod(), node.pod(), node.pod(), node.pod()]
  const replies = await Promise.all(pods.map((pod) => node.network.call('ADD', pod, ports(web))))
  const codes = replies.map(({ json }) => json.code ?? 0)
  t.strictSame(codes.sort(), [0, 11, 11, 11], 'one has it, the others are told')
  t.equal(recordsOf(node).length, 1)
})

/** A scope that ends before the test does, or with it. */
function makeScope({ teardown }: Pick<Test, 'teardown'>) {
  const ends: (() => void | Promise<void>)[] = []
  const end = async () => {
    for (const each of ends.splice(0)) await each()
  }
  teardown(end)
  return { teardown: (each: () => void | Promise<void>) => void ends.push(each), end }
}

/** Has a process in a new namespace with this inode number: the kernel gives the lowest free one. */
async function inhabitNamespace(t: Test, inode: number): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const namespace = addNamespace(t)
    if (statSync(namespace.netns).ino !== inode) continue
    // it does not answer before it is in the namespace
    await openEnd(t, namespace).serve('stranger', 80)
    return
  }
  t.comment('the number has been given to somebody else')
}
