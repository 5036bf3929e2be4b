/** Addresses that nobody has released, and whose pods are gone. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hostLocal } from '../../../ipam/host-local/index.ts'
import { formatCidr } from '../../../lib/ip/ip.ts'
import { binDir } from '../../../scripts/lab/executables.ts'
import { addNamespace, kernelSkip, makeNode } from '../../../scripts/lab/node.ts'
import { inside, runSync } from '../../../scripts/lab/run.ts'
import { callPlugin } from '../../support/plugin-call.ts'
import { contextOf, requestOf } from '../../support/request.ts'

const { add, del, status } = hostLocal

/** A network with room for five. */
class Network {
  readonly folder: string
  readonly context = contextOf({ now: () => Date.now() })
  readonly #conf: object

  constructor(t: Test) {
    const dataDir = t.testdir()
    this.folder = join(dataDir, 'net1')
    this.#conf = { ipam: { dataDir, subnet: '10.1.2.0/29' } }
  }

  add(containerId: string, netns = '/run/netns/none', args = ''): string | undefined {
    const request = requestOf({ containerId, netns, args, conf: this.#conf })
    const [first] = add(request, this.context).ips
    return first && formatCidr(first.address)
  }

  del(containerId: string): void {
    del(requestOf({ command: 'DEL', containerId, conf: this.#conf }), this.context)
  }

  /** Whether STATUS says that there is no room. */
  isFull(): boolean {
    const context = contextOf()
    status?.(requestOf({ command: 'STATUS', conf: this.#conf }), context)
    return context.warnings.some((line) => line.startsWith('no IP addresses available'))
  }

  fill(prefix: string, netns?: string): void {
    for (let index = 0; index < 5; index++) this.add(`${prefix}${index}`, netns)
  }

  /** Makes every reservation that is known to be of this boot one of another boot. */
  reboot(): void {
    for (const name of readdirSync(this.folder).filter((name) => name.includes(' '))) {
      const path = join(this.folder, name)
      const target = readlinkSync(path)
      unlinkSync(path)
      symlinkSync(target.replace(/"bootId":"[^"]*"/, '"bootId":"another"'), path)
    }
  }

  /** Writes an address file as Go's host-local does. */
  writeAsGo(address: string, containerId: string): void {
    mkdirSync(this.folder, { recursive: true })
    writeFileSync(join(this.folder, address), `${containerId}\r\neth0`)
  }
}

t.test('a range that was filled before a reboot', async (t) => {
  const network = new Network(t)
  network.fill('old')
  t.ok(network.isFull())
  t.throws(() => network.add('new'), { code: 11 })
  network.reboot()
  t.notOk(network.isFull())
  t.strictSame(network.context.warnings, [], 'STATUS takes nothing back')
  t.equal(network.add('new'), '10.1.2.2/29')
  t.match(network.context.warnings, [
    /^took back 10\.1\.2\.2 of old0, .*: reserved before this boot/,
  ])
  t.strictSame(readdirSync(network.folder), ['.new eth0', '10.1.2.2', 'last_reserved_ip.0', 'lock'])
})

t.test('while there is an address left, nothing is taken back', async (t) => {
  const network = new Network(t)
  for (const id of ['a', 'b', 'c', 'd']) network.add(id)
  network.reboot()
  network.add('e')
  t.equal(network.context.warnings.length, 0)
  t.equal(readdirSync(network.folder).filter((name) => name.startsWith('10.')).length, 5)
})

t.test('an address that is asked for', async (t) => {
  const network = new Network(t)
  network.add('old', undefined, 'IP=10.1.2.4')
  t.throws(() => network.add('new', undefined, 'IP=10.1.2.4'), { code: 11 })
  network.reboot()
  t.equal(network.add('new', undefined, 'IP=10.1.2.4'), '10.1.2.4/29')
})

t.test('what Go’s host-local has reserved stays', async (t) => {
  const network = new Network(t)
  for (let index = 2; index <= 6; index++) network.writeAsGo(`10.1.2.${index}`, `go${index}`)
  t.throws(() => network.add('new'), { code: 11 })
  t.ok(network.isFull())
  t.equal(network.context.warnings.length, 0)
  network.reboot() // seen before the boot that begins now
  t.notOk(network.isFull())
  t.equal(network.add('new'), '10.1.2.2/29')
})

t.test('an address that Go’s host-local has given anew to the same container', async (t) => {
  const network = new Network(t)
  network.fill('c')
  network.reboot()
  const path = join(network.folder, '10.1.2.4')
  unlinkSync(path)
  writeFileSync(path, 'c2\r\neth0') // as by its DEL, and its ADD with a fixed address
  network.add('new')
  t.ok(readdirSync(network.folder).includes('10.1.2.4'), 'its pod lives')
})

t.test('sandboxes that were removed', { skip: kernelSkip() }, async (t) => {
  const network = new Network(t)
  const pods = Array.from({ length: 5 }, () => addNamespace(t))
  for (const [index, { netns }] of pods.entries()) network.add(`c${index}`, netns)
  t.throws(() => network.add('new'), { code: 11 })
  const [first, second] = pods
  const child = spawn(
    'nsenter',
    inside(second?.netns ?? '', ['sh', '-c', 'echo; exec sleep 60']).slice(1),
  )
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  for (const pod of [first, second]) runSync(['ip', 'netns', 'delete', pod?.name ?? ''])
  t.notOk(network.isFull())
  t.equal(network.add('new'), '10.1.2.2/29', 'the one of the first')
  t.throws(() => network.add('newer'), { code: 11 }, 'the second has a process')
  t.match(network.context.warnings, [/^took back 10\.1\.2\.2 of c0 in /])
})

t.test('the sandbox that counts is the runtime’s', { skip: kernelSkip() }, async (t) => {
  for (const plugin of ['host-local', 'bridge']) {
    const node = makeNode(t)
    const dataDir = join(node.dir, 'networks')
    const ipam = { type: 'host-local', dataDir, subnet: '10.1.2.0/29' }
    const conf = { cniVersion: '1.0.0', name: 'net1', type: plugin, ipam }
    const attach = (pod = node.pod()) => {
      const call = { command: 'ADD', conf, ifName: 'eth0', path: binDir() }
      return callPlugin(node, plugin, { ...call, containerId: pod.containerId, netns: pod.netns })
    }
    const leaked = node.pod()
    await attach(leaked)
    for (let index = 0; index < 4; index++) await attach()
    t.match((await attach()).json, { code: 11 }, plugin)
    runSync(['ip', 'netns', 'delete', leaked.name])
    const { json, stderr } = await attach()
    t.match(json, { ips: [{ address: '10.1.2.2/29' }] }, plugin)
    t.match(stderr, /took back 10\.1\.2\.2 of /)
  }
})
