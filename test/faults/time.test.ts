/** What never ends by itself: delegates, programs, streams, and those who hold locks. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { inside, runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { sized } from '../support/fault-size.ts'
import { hostLocalNetwork, prepare, type Subject } from '../support/fault-subject.ts'
import { firewallSkip } from '../support/firewall.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { subnetEnv } from '../support/flannel.ts'
import { holdLock, makeHanging } from '../support/hanging.ts'
import { reserved } from '../support/ipam.ts'
import type { Reply } from '../support/plugin-call.ts'
import { recordsOf } from '../support/portmap-rules.ts'
import { makePortmapNode, ports } from '../support/portmap.ts'
import { replacing } from '../support/programs.ts'

/** kubelet gives up after 120 s, and says no more than that. */
const longestMs = 105_000

const skip = kernelSkip() || firewallSkip()
const slow = skip || sized<string | false>(false, 'takes 100 s of waiting: make test-faults')

/** What takes long, by name: below they wait all at the same time. */
const waits = new Map<string, (t: Test) => Promise<void>>()

/** Waits for an error that says what the call waited for. */
async function ends(t: Test, call: Promise<Reply>, says: RegExp): Promise<void> {
  const started = Date.now()
  const { code, stdout, json } = await call
  const took = Date.now() - started
  t.equal(code, 1, stdout)
  t.match(`${json.msg}; ${json.details}`, says)
  t.ok(took < longestMs, `${took} ms`)
  t.comment(`${Math.round(took / 1000)} s: ${json.msg}; ${json.details}`)
}

t.test('a FIFO in the place of a file', { skip }, async (t) => {
  const fifo = (path: string) => {
    rmSync(path, { force: true })
    runSync(['mkfifo', path])
  }
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  const [pod, other] = [node.pod(), node.pod()]
  await network.attach(pod)
  fifo(join(node.dir, 'flannel', pod.containerId))
  await network.call('DEL', pod).then(({ code, stdout }) => t.equal(code, 0, stdout))
  fifo(join(node.dir, 'subnet.env'))
  await ends(t, network.call('ADD', other), /subnet\.env: not a regular file/)
  const resolvConf = join(node.dir, 'resolv.conf')
  fifo(resolvConf)
  const addresses = hostLocalNetwork(node, '10.1.2.0/24')
  const ipam = { type: 'host-local', resolvConf, dataDir: join(node.dir, 'networks') }
  const ranges = [[{ subnet: '10.1.2.0/24' }]]
  const keys = { ipam: { ...ipam, ranges } }
  await ends(t, addresses.call('ADD', other, keys), /resolv\.conf: not a regular file/)
  await addresses.attach(other)
  for (const name of ['lock', '10.1.2.3', 'last_reserved_ip.0']) {
    fifo(join(node.dir, 'networks/net1', name))
    const { stdout } = await addresses.call('DEL', other)
    t.notMatch(stdout, 'waited', name)
  }
})

waits.set('a stdin that is never closed', async (t) => {
  const node = makeNode(t)
  // A pipe that is its own writer has no end.
  const script = 'mkfifo "$2"; exec 3<>"$2"; printf { >&3; exec "$1" <&3'
  const argv = (executable: string) => [
    'sh',
    '-c',
    script,
    'sh',
    executable,
    join(node.dir, 'pipe'),
  ]
  const says = /^error reading from stdin: not closed within 10 s; the runtime must/
  await ends(t, makeNetwork(node).call('ADD', node.pod(), {}, { argv }), says)
})

waits.set('a delegate of flannel that hangs', async (t) => {
  const node = makeNode(t)
  const path = `${binDir()}:${node.dir}`
  makeHanging(node.dir, 'hangs')
  const network = makeFlannelNetwork(node, subnetEnv, { delegate: { type: 'hangs' } })
  const says = /did not end within (80|79\.\d+) s and was killed; in hangs/
  await ends(t, network.call('ADD', node.pod(), {}, { path }), says)
  t.strictSame(network.saved(), {}, 'rolled back')
})

waits.set('an IPAM plugin that hangs, in the DEL of a rollback too', async (t) => {
  const node = makeNode(t)
  const path = `${binDir()}:${node.dir}`
  makeHanging(node.dir, 'hangs')
  const network = makeNetwork(node, { isGateway: true, ipam: { type: 'hangs' } })
  const says = /did not end within (80|79\.\d+) s and was killed; in hangs/
  await ends(t, network.call('ADD', node.pod(), {}, { path }), says)
  t.strictSame(veths(node), [], 'rolled back')
})

/** Runs the plugin where a program has been replaced by one that hangs. */
function without({ node }: Pick<Subject, 'node'>, program: string) {
  const hangs = makeHanging(node.dir, `hanging-${program}`)
  return {
    argv: (executable: string) => replacing({ [`/usr/sbin/${program}`]: hangs }, [executable]),
  }
}

for (const [plugin, program] of [
  ['bridge', 'nft'],
  ['flannel', 'iptables'],
  ['portmap', 'iptables'],
] as const) {
  waits.set(`${program} that hangs: ${plugin}`, async (t) => {
    const says = new RegExp(`running \\[/\\S*${program}.*did not end within \\d+ s`)
    const [adding, deleting] = [await prepare(plugin, 'ADD', t), await prepare(plugin, 'DEL', t)]
    await Promise.all([
      ends(t, adding.network.call('ADD', adding.pod, {}, without(adding, program)), says),
      ends(t, deleting.network.call('DEL', deleting.pod, {}, without(deleting, program)), says),
    ])
    t.strictSame(adding.traces(), [], 'rolled back')
    await deleting.network.silent('DEL', deleting.pod)
    t.strictSame(deleting.traces(), [])
  })
}

waits.set('nft that hangs: portmap', async (t) => {
  const setup = makePortmapNode(t, { backend: 'nftables' })
  const pod = setup.pod()
  const mapping = ports({ hostPort: 8080, containerPort: 80 })
  const says = /running \[\/\S*nft.*did not end within \d+ s/
  await ends(t, setup.network.call('ADD', pod, mapping, without(setup, 'nft')), says)
  await setup.network.attach(pod, mapping)
  await ends(t, setup.network.call('DEL', pod, mapping, without(setup, 'nft')), says)
  await setup.network.silent('DEL', pod, mapping)
  t.strictSame(recordsOf(setup), [])
})

const legacy = '/usr/sbin/xtables-legacy-multi'

waits.set('the lock of iptables', async (t) => {
  if (!existsSync(legacy)) throw new Error(`${legacy} is missing: apt-get install iptables`)
  const setup = makePortmapNode(t)
  const { node } = setup
  const pod = setup.pod()
  const lock = join(node.dir, 'xtables.lock')
  if (!existsSync('/run/xtables.lock')) writeFileSync('/run/xtables.lock', '')
  const files = { '/usr/sbin/iptables': legacy, '/run/xtables.lock': lock }
  writeFileSync(lock, '')
  const network = setup.networkWith({ backend: 'iptables' }, (executable) =>
    replacing(files, [executable]),
  )
  const mapping = ports({ hostPort: 8080, containerPort: 80 })
  await network.attach(pod, mapping)
  await holdLock(t, lock)
  const says = /iptables.*xtables.lock.*fuser \/run\/xtables\.lock/s
  const other = ports({ hostPort: 8081, containerPort: 80 })
  await ends(t, network.call('ADD', setup.pod(), other), says)
  await ends(t, network.call('DEL', pod, mapping), says)
  t.equal(recordsOf(setup).length, 1, 'that of the pod which is still there')
  const rules = runSync(inside(node.netns, ['iptables-legacy-save', '-t', 'nat']))
  t.notMatch(rules, '--dport 8081')
})

waits.set('the lock of reservations', async (t) => {
  const { node, network, pod, addPod } = await prepare('host-local', 'DEL', t)
  const pid = await holdLock(t, join(node.dir, 'networks/net1/lock'))
  const says = new RegExp(`^waited 3\\d{4} ms for the lock \\S+/net1/lock; held by .*${pid} \\(`)
  await Promise.all([
    ends(t, network.call('ADD', addPod()), says),
    ends(t, network.call('DEL', pod), says),
    ends(t, network.call('CHECK', pod), says),
    ends(t, network.call('GC', pod, { 'cni.dev/valid-attachments': [] }), says),
  ])
  t.equal(reserved(node).length, 2)
})

waits.set('the lock of host ports', async (t) => {
  const { node, network, pod, addPod } = await prepare('portmap', 'DEL', t)
  const lock = join(node.dir, 'portmap/lock')
  await holdLock(t, lock)
  const says = /^waited 30000 ms for the lock \S+\/portmap\/lock; .*fuser/
  await Promise.all([
    ends(t, network.call('ADD', addPod()), says),
    ends(t, network.call('DEL', pod), says),
  ])
})

t.test('calls that wait for what never ends', { skip: slow }, async (t) => {
  t.jobs = waits.size
  await Promise.all([...waits].map(([name, work]) => t.test(name, { buffered: true }, work)))
})
