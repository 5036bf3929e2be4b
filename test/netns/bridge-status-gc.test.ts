/** STATUS and GC of the bridge plugin, with and without host-local. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode, type Pod } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { link, reaches } from '../support/ip.ts'
import {
  fakeIpam,
  fakeIpamCalls,
  fakeIpamDir,
  fakeIpamStdin,
  hostLocal,
  reserved,
} from '../support/ipam.ts'
import { straceSkip } from '../support/system-calls.ts'

const options = { skip: kernelSkip() }

/** What STATUS and GC are called without. */
const noAttachment = { containerId: '', netns: '', ifName: '' }

const valid = (...pods: Pod[]) => ({
  'cni.dev/valid-attachments': pods.map(({ containerId: containerID }) => ({
    containerID,
    ifname: 'eth0',
  })),
})

t.test('STATUS is the IPAM plugin’s', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const host = hostLocal(node, '10.1.2.0/30')
  const network = makeNetwork(node, { ipam: host })
  await network.silent('STATUS', pod, {}, noAttachment)
  await network.attach(pod)
  const { code, stderr } = await network.call('STATUS', pod, {}, noAttachment)
  t.equal(code, 0, 'the pod that has the only address keeps its node')
  t.match(stderr, 'no IP addresses available in range set')
  const unready = { ipam: { ...host, resolvConf: '/nonexistent' } }
  t.match(await network.refused('STATUS', pod, unready, noAttachment), { code: 50 })
  await network.silent('DEL', pod)
  await network.silent('STATUS', pod, {}, noAttachment)

  const ipam = fakeIpam(node, {})
  await network.silent('STATUS', pod, { ipam }, noAttachment)
  t.strictSame(fakeIpamCalls(node), ['STATUS'])
  const missing = { ipam: { type: 'nowhere' } }
  t.match(await network.refused('STATUS', pod, missing, noAttachment), {
    msg: /^failed to find plugin "nowhere" in path \[/,
  })
})

t.test('STATUS passes on what lasts, and nothing that passes', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const ipam = fakeIpam(node, {})
  const network = makeNetwork(node, { ipam })
  for (const [code, isError] of [
    [11, false],
    [7, true],
    [50, true],
    [51, true],
    [999, true],
  ] as const) {
    const answer = JSON.stringify({ cniVersion: '1.1.0', code, msg: 'not now' })
    const script = `#!/bin/sh\ncat > "$0.stdin"\necho '${answer}'\nexit 1\n`
    writeFileSync(join(fakeIpamDir(node), 'fake'), script)
    if (isError) {
      const error = await network.refused('STATUS', pod, {}, noAttachment)
      t.match(error, { code, msg: 'not now' })
    } else {
      const reply = await network.call('STATUS', pod, {}, noAttachment)
      t.match(reply, {
        code: 0,
        stdout: '',
        stderr: /^bridge: STATUS: warning: fake has no address just now/,
      })
    }
  }
})

t.test(
  'STATUS asks nothing that may be busy',
  { skip: kernelSkip() || straceSkip() },
  async (t) => {
    const node = makeNode(t)
    const pod = node.pod()
    const keys = { isGateway: true, ipMasq: true, macspoofchk: true }
    const network = makeNetwork(node, { ...keys, ipam: hostLocal(node, '10.1.2.0/24') })
    const calls = join(node.dir, 'calls')
    const strace = ['strace', '-f', '-qq', '-o', calls, '-e', 'trace=execve,sendto,flock']
    const argv = (executable: string) => [...strace, executable]
    await network.silent('STATUS', pod, {}, { ...noAttachment, argv })
    const found = readFileSync(calls, 'utf8')
    t.match(found, /execve\(.*bridge/)
    t.notMatch(found, /sendto\(|iptables|nft/)
  },
)

t.test('STATUS of a layer-2 network, and of a configuration that is wrong', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node)
  await network.silent('STATUS', pod, {}, noAttachment)
  for (const [keys, msg] of [
    [{ mtu: '1450' }, 'failed to load netconf: mtu must be integer'],
    [
      { hairpinMode: true, promiscMode: true },
      'cannot set hairpin mode and promiscuous mode at the same time',
    ],
  ] as const) {
    t.match(await network.refused('STATUS', pod, keys, noAttachment), { code: 7, msg })
  }
  t.equal(link(node, 'cni0'), undefined, 'STATUS makes nothing')
})

t.test('GC removes links and addresses of attachments that are not valid', options, async (t) => {
  const node = makeNode(t)
  const [stays, goes] = [node.pod(), node.pod()]
  const network = makeNetwork(node, { isGateway: true, ipam: hostLocal(node, '10.1.2.0/24') })
  for (const pod of [stays, goes]) await network.attach(pod)
  await network.attach(stays, {}, { ifName: 'net1' })
  const others = makeNetwork(node, { name: 'net2' })
  const [other, another] = [node.pod(), node.pod()]
  for (const pod of [other, another]) await others.attach(pod)

  await network.silent('GC', stays, valid(stays), noAttachment)
  t.strictSame(
    veths(node).map(({ ifalias }) => ifalias),
    [
      `net1/${stays.containerId}/eth0`,
      `net2/${other.containerId}/eth0`,
      `net2/${another.containerId}/eth0`,
    ],
    'only this network’s, and by interface',
  )
  t.strictSame([link(goes, 'eth0'), link(stays, 'net1')], [undefined, undefined])
  t.strictSame(reserved(node), ['10.1.2.2'])
  t.ok(await reaches(stays, '10.1.2.1'))

  await network.silent('GC', stays, valid(), noAttachment)
  t.strictSame([link(stays, 'eth0'), reserved(node)], [undefined, []], 'an empty list keeps none')
  t.equal(veths(node).length, 2)
})

t.test('GC reads the older key as well, and refuses a malformed list', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node)
  await network.attach(pod)
  const keys = { 'cni.dev/attachments': [{ containerID: pod.containerId, ifname: 'eth0' }] }
  await network.silent('GC', pod, keys, noAttachment)
  for (const list of ['all', {}, [{ containerID: 7 }]]) {
    const wrong = { 'cni.dev/valid-attachments': list }
    t.match(await network.refused('GC', pod, wrong, noAttachment), { code: 7 })
  }
  t.ok(link(pod, 'eth0'))
})

t.test('GC is the IPAM plugin’s too', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node, { ipam: fakeIpam(node, {}) })
  await network.silent('GC', pod, valid(pod), noAttachment)
  t.strictSame(fakeIpamCalls(node), ['GC'], 'also when there is no bridge')
  t.match(JSON.parse(fakeIpamStdin(node, 'GC')), valid(pod))
})

t.test('GC leaves ports that it did not make', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node)
  await network.attach(pod)
  const [port] = veths(node)
  runSync(['ip', '-n', node.name, 'link', 'set', port?.ifname ?? '', 'alias', ''])
  await network.silent('GC', pod, valid(), noAttachment)
  t.equal(veths(node).length, 1)
})
