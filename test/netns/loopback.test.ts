import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod, setSysctl } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { addresses, link } from '../support/ip.ts'
import { networkOf } from '../support/network.ts'
import { callPlugin } from '../support/plugin-call.ts'

const options = { skip: kernelSkip() }

/** The network `lo` on a node, in version 1.1.0 unless a test says otherwise. */
const loopbackOf = (node: Node) =>
  networkOf((command, { containerId, netns }, keys = {}, call = {}) =>
    callPlugin(node, 'loopback', {
      command,
      containerId,
      netns,
      ifName: 'eth0', // any name is good: it is always lo
      conf: { cniVersion: '1.1.0', name: 'lo', type: 'loopback', ...keys },
      ...call,
    }),
  )

const isUp = (pod: Pod) => link(pod, 'lo')?.flags.includes('UP')
const cidrs = (pod: Pod) =>
  addresses(pod, 'lo').map(({ local, prefixlen }) => `${local}/${prefixlen}`)

/** What ADD answers, keys in their order, by version; `sandbox` is the pod's. */
function answers(sandbox: string): Record<string, object> {
  const single = { ip4: { ip: '127.0.0.1/8' }, ip6: { ip: '::1/128' }, dns: {} }
  const versioned = {
    interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox }],
    ips: [
      { version: '4', interface: 0, address: '127.0.0.1/8' },
      { version: '6', interface: 0, address: '::1/128' },
    ],
    dns: {},
  }
  const current = {
    interfaces: [{ mac: '00:00:00:00:00:00', name: 'lo', sandbox }],
    ips: [
      { address: '127.0.0.1/8', interface: 0 },
      { address: '::1/128', interface: 0 },
    ],
  }
  return {
    '0.1.0': { cniVersion: '0.1.0', ...single },
    '0.2.0': { cniVersion: '0.2.0', ...single },
    '0.3.0': { cniVersion: '0.3.0', ...versioned },
    '0.3.1': { cniVersion: '0.3.1', ...versioned },
    '0.4.0': { cniVersion: '0.4.0', ...versioned },
    '1.0.0': { cniVersion: '1.0.0', ...current },
    '1.1.0': { cniVersion: '1.1.0', ...current },
  }
}

for (const cniVersion of [undefined, ...Object.keys(answers(''))]) {
  t.test(
    `sets lo up and down in version ${cniVersion ?? '0.1.0, for none'}`,
    options,
    async (t) => {
      const node = makeNode(t)
      const pod = node.pod()
      const network = loopbackOf(node)
      t.notOk(isUp(pod))
      const { code, stdout, stderr } = await network.call('ADD', pod, { cniVersion })
      const answer = answers(pod.netns)[cniVersion ?? '0.1.0']
      t.strictSame([code, stdout, stderr], [0, JSON.stringify(answer, null, 4), ''])
      t.ok(isUp(pod))
      t.strictSame(cidrs(pod), ['127.0.0.1/8', '::1/128'])
      await network.attach(pod, { cniVersion }, { args: 'none' })
      await network.silent('DEL', pod, { cniVersion }, { args: 'none' })
      t.notOk(isUp(pod))
      await network.silent('DEL', pod, { cniVersion })
    },
  )
}

t.test('a sandbox without IPv6 has no IPv6 address', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  setSysctl(pod, 'net/ipv6/conf/all/disable_ipv6', '1')
  const { ips } = await loopbackOf(node).attach(pod)
  t.strictSame(ips, [{ address: '127.0.0.1/8', interface: 0 }])
})

t.test('an address of another kind is refused, and lo stays as it was', options, async (t) => {
  const node = makeNode(t)
  const network = loopbackOf(node)
  for (const ip of ['9.9.9.9', '2001:db8::1']) {
    const address = `${ip}/${ip.includes(':') ? 128 : 32}`
    const pod = node.pod()
    const change = (...args: string[]) => runSync(['ip', '-n', pod.name, 'address', ...args])
    change('add', '127.0.0.53/8', 'dev', 'lo')
    change('add', address, 'dev', 'lo')
    const { code, msg, details } = await network.refused('ADD', pod)
    t.equal(msg, `loopback interface found with non-loopback address "${ip}"`)
    t.equal(code, 999)
    t.match(details, `remove ${address} from lo`)
    t.notOk(isUp(pod))
    change('delete', address, 'dev', 'lo')
    await network.attach(pod)
    t.ok(isUp(pod))
  }
})

const prevResult = {
  cniVersion: '1.0.0',
  interfaces: [{ name: 'eth0', mac: '0a:58:0a:f4:01:02', mtu: 1450, sandbox: '/run/netns/x' }],
  ips: [{ address: '10.244.1.2/24', gateway: '10.244.1.1', interface: 0 }],
  routes: [{ dst: '0.0.0.0/0', gw: '10.244.1.1', priority: 5 }],
  dns: { nameservers: ['10.96.0.10'] },
}

t.test('passes prevResult through, in the version of the configuration', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = loopbackOf(node)
  t.strictSame(await network.attach(pod, { prevResult }), { ...prevResult, cniVersion: '1.1.0' })
  t.ok(isUp(pod))
  await network.silent('CHECK', pod, { prevResult })
  await network.silent('DEL', pod, { prevResult })
})

t.test('refuses a prevResult that it cannot read', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = loopbackOf(node)
  for (const command of ['ADD', 'CHECK']) {
    const { code, msg } = await network.refused(command, pod, { cniVersion: '0.4.0', prevResult })
    t.equal(
      msg,
      'failed to parse prevResult: could not parse prevResult: result type supports ' +
        '[0.3.0 0.3.1 0.4.0] but unmarshalled CNIVersion is "1.0.0"',
    )
    t.equal(code, 7)
  }
  t.notOk(isUp(pod))
  await network.silent('DEL', pod, { cniVersion: '0.4.0', prevResult })
})

t.test('DEL succeeds when the sandbox is gone', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = loopbackOf(node)
  const file = join(node.dir, 'netns') // what is left of a namespace after a restart
  writeFileSync(file, '')
  for (const netns of ['', `${pod.netns}-gone`, `${file}/x`, file]) {
    await network.silent('DEL', pod, {}, { netns })
  }
})

t.test('ADD and CHECK need the sandbox', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = loopbackOf(node)
  const netns = `${pod.netns}-gone`
  for (const command of ['ADD', 'CHECK']) {
    const gone = await network.refused(command, pod, {}, { netns })
    t.equal(gone.msg, `failed to Statfs "${netns}": no such file or directory`)
    const file = await network.refused(command, pod, {}, { netns: import.meta.filename })
    t.match(file.msg, /^unknown FS magic on "/)
    t.match(file.details, 'want the file of a network namespace')
    const none = await network.refused(command, pod, {}, { netns: '' })
    t.equal(none.msg, 'required env variables [CNI_NETNS] missing')
  }
})

t.test('CHECK looks whether lo is up', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = loopbackOf(node)
  const { code, msg, details } = await network.refused('CHECK', pod)
  t.strictSame([code, msg], [999, 'loopback interface is down'])
  t.equal(details, `set it up: nsenter --net=${pod.netns} ip link set lo up`)
  await network.attach(pod)
  await network.silent('CHECK', pod)
})

t.test('STATUS and GC have nothing to say', options, async (t) => {
  const node = makeNode(t)
  const network = loopbackOf(node)
  const call = { containerId: '', netns: '', ifName: '' }
  await network.silent('STATUS', node.pod(), {}, call)
  await network.silent('GC', node.pod(), { 'cni.dev/valid-attachments': [] }, call)
})

t.test('the node’s own loopback is not touched', options, async (t) => {
  const node = makeNode(t)
  const network = loopbackOf(node)
  const { code } = await network.refused('DEL', node.pod(), {}, { netns: node.netns })
  t.equal(code, 8)
  t.ok(link(node, 'lo')?.flags.includes('UP'))
})
