/** Machines that have the folder of a network in common, as on NFS. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { binDir } from '../../../scripts/lab/executables.ts'
import { run } from '../../../scripts/lab/run.ts'
import type { Output } from '../../support/plugin-call.ts'
import { callOptions } from './call.ts'

const skip = process.getuid?.() !== 0 && 'mounting a file system needs root'

/** A folder on a file system that is not known to be one machine's alone; it has room for five. */
class Folder {
  readonly dir: string
  readonly conf: object
  /** The path by which processes of the machines find its mount namespace. */
  mounts = ''
  #root = ''

  constructor(t: Test) {
    this.dir = t.testdir({ data: {} })
    const ipam = { type: 'host-local', subnet: '10.1.2.0/29', dataDir: join(this.dir, 'data') }
    this.conf = { name: 'net1', cniVersion: '1.1.0', type: 'x', ipam }
  }

  async mount(t: Test): Promise<void> {
    const script = 'mount -t ramfs none "$0" && echo && exec sleep 100'
    const argv = ['--mount', 'sh', '-c', script, join(this.dir, 'data')]
    const holder = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    this.mounts = `/proc/${holder.pid}/ns/mnt`
    this.#root = `/proc/${holder.pid}/root`
  }

  /** The network's folder as this process sees it. */
  get path(): string {
    return join(this.#root, this.dir, 'data/net1')
  }

  /** The addresses that are reserved. */
  held(): string[] {
    return readdirSync(this.path)
      .filter((name) => name.startsWith('10.'))
      .sort()
  }

  /** What the plugins make of a link, whose target is changed. */
  relink(containerId: string, change: (target: string) => string): void {
    const path = join(this.path, `.${containerId} eth0`)
    const target = readlinkSync(path)
    rmSync(path)
    symlinkSync(change(target), path)
  }

  /** Writes an address file as Go's host-local does. */
  writeAsGo(address: string, containerId: string): void {
    mkdirSync(this.path, { recursive: true })
    writeFileSync(join(this.path, address), `${containerId}\r\neth0`)
  }
}

interface Names {
  readonly hostname: string
  readonly machineId: string
}

const first = { hostname: 'node1', machineId: '1'.repeat(32) }
const second = { hostname: 'node2', machineId: '2'.repeat(32) }

let machines = 0

/** A machine: its own names, boot and network namespaces. */
class Machine {
  readonly #folder: Folder
  readonly #dir: string
  readonly #hostname: string
  /** What plugins have said on stderr. */
  said = ''

  constructor(folder: Folder, { hostname, machineId }: Names) {
    this.#folder = folder
    this.#hostname = hostname
    this.#dir = join(folder.dir, `machine${machines++}`)
    mkdirSync(join(this.#dir, 'run/netns'), { recursive: true })
    mkdirSync(join(this.#dir, 'etc'))
    writeFileSync(join(this.#dir, 'etc/machine-id'), machineId)
    this.boot()
  }

  boot(): void {
    writeFileSync(join(this.#dir, 'boot'), crypto.randomUUID())
  }

  /** Calls host-local for a container, whose sandbox is made by an ADD. */
  async call(command: string, containerId = '', keys: object = {}): Promise<Output> {
    if (command === 'ADD') writeFileSync(this.#netns(containerId), '')
    const places = `
      mount --bind "$1/boot" /proc/sys/kernel/random/boot_id &&
      mount --bind "$1/etc" /etc && mount --bind "$1/run" /run && mount -t tmpfs none /sys &&
      echo "$2" > /proc/sys/kernel/hostname && exec "$3"`
    const own = ['nsenter', `--mount=${this.#folder.mounts}`, 'unshare', '--mount', '--uts']
    const plugin = join(binDir(), 'host-local')
    const argv = [...own, 'sh', '-c', places, 'sh', this.#dir, this.#hostname, plugin]
    const env = {
      ...{ PATH: process.env['PATH'], FLANNEL_CNI_SOCKET: '', CNI_COMMAND: command },
      ...{ CNI_CONTAINERID: containerId, CNI_NETNS: `/run/netns/${containerId}` },
      ...{ CNI_IFNAME: containerId && 'eth0', CNI_PATH: '/none' },
    }
    const stdin = JSON.stringify({ ...this.#folder.conf, ...keys })
    const { stdout, stderr, code } = await run(argv, { env, stdin })
    if (code !== 0 && stdout === '') throw new Error(`${command}: exit status ${code}: ${stderr}`)
    this.said += stderr
    return stdout === '' ? {} : (JSON.parse(stdout) as Output) // asserted on by the tests
  }

  /** The address that the container gets; undefined when there is none. */
  async add(containerId: string): Promise<string | undefined> {
    const { ips, code } = await this.call('ADD', containerId)
    if (ips === undefined && code !== 11) throw new Error(`ADD of ${containerId}: code ${code}`)
    return ips?.[0]?.address
  }

  /** Removes the sandbox, without a DEL. */
  remove(containerId: string): void {
    rmSync(this.#netns(containerId))
  }

  #netns(containerId: string): string {
    return join(this.#dir, 'run/netns', containerId)
  }
}

/** Two machines with three pods, a0 to a2, and two, b0 and b1, which are all there is room for. */
async function full(t: Test, ...names: readonly Names[]) {
  const folder = new Folder(t)
  await folder.mount(t)
  const [a, b] = [new Machine(folder, names[0] ?? first), new Machine(folder, names[1] ?? second)]
  for (const id of ['a0', 'a1', 'a2']) await a.add(id)
  for (const id of ['b0', 'b1']) await b.add(id)
  t.equal(folder.held().length, 5)
  return { folder, a, b }
}

t.test('the pods of each machine keep their addresses', { skip }, async (t) => {
  const { folder, a, b } = await full(t)
  for (const machine of [a, b]) {
    const { code, details } = await machine.call('ADD', 'new')
    t.equal(code, 11)
    t.match(details, /crictl pods -q\) on each machine that has the folder: .* for these machines$/)
  }
  t.equal(folder.held().length, 5)
  t.strictSame([a.said, b.said], ['', ''])
})

t.test('a machine takes back what its own pods had', { skip }, async (t) => {
  const { folder, a, b } = await full(t)
  b.remove('b1')
  t.equal(await a.add('a3'), undefined, 'another machine’s')
  t.equal(await b.add('b2'), '10.1.2.6/29')
  t.match(b.said, /took back 10\.1\.2\.6 of b1 in /)
  a.boot()
  for (const id of ['a0', 'a1', 'a2']) a.remove(id)
  t.equal(await b.add('b3'), undefined)
  t.equal(await a.add('a3'), '10.1.2.2/29')
  t.match(a.said, /took back 10\.1\.2\.2 of a0, 10\.1\.2\.3 of a1, 10\.1\.2\.4 of a2 in /)
  t.strictSame(folder.held(), ['10.1.2.2', '10.1.2.5', '10.1.2.6'])
})

t.test('machines that do not differ in every name', { skip }, async (t) => {
  for (const other of [
    { ...first, hostname: 'node2' },
    { ...first, machineId: second.machineId },
    { ...second, machineId: '' },
  ]) {
    const { folder, b } = await full(t, first, other)
    b.boot()
    b.remove('b0')
    if (other.machineId === '') t.equal(await b.add('b2'), undefined, 'takes nothing back')
    else t.equal(await b.add('b2'), '10.1.2.5/29', 'its own')
    for (const address of ['10.1.2.2', '10.1.2.3', '10.1.2.4']) {
      t.ok(folder.held().includes(address), JSON.stringify(other))
    }
  }
})

t.test('what names no machine is nobody’s to take back', { skip }, async (t) => {
  const { folder, a, b } = await full(t)
  // As an earlier version has written it.
  folder.relink('a0', (target) => target.replace(/"machine":\{[^}]*\},/, ''))
  // As Go's host-local has: the next call gives it a link.
  await b.call('DEL', 'b0')
  folder.writeAsGo('10.1.2.5', 'go')
  for (const machine of [a, b]) await machine.call('DEL', 'nothing')
  for (const machine of [a, b]) machine.boot()
  for (const id of ['a0', 'a1', 'a2']) a.remove(id)
  b.remove('b1')
  t.equal(await a.add('a3'), '10.1.2.3/29')
  t.equal(await b.add('b2'), '10.1.2.4/29')
  t.equal(await b.add('b3'), '10.1.2.6/29')
  for (const machine of [a, b]) t.equal(await machine.add('new'), undefined)
  t.equal(folder.held().length, 5)
})

t.test('GC of one machine', { skip }, async (t) => {
  const { folder, a, b } = await full(t)
  await b.call('DEL', 'b0')
  folder.writeAsGo('10.1.2.5', 'go')
  const list = (...ids: string[]) => ({
    'cni.dev/valid-attachments': ids.map((containerID) => ({ containerID, ifname: 'eth0' })),
  })
  t.strictSame(await b.call('GC', '', list()), {})
  t.strictSame(folder.held(), ['10.1.2.2', '10.1.2.3', '10.1.2.4', '10.1.2.5'])
  t.strictSame(await a.call('GC', '', list('a1')), {})
  t.strictSame(folder.held(), ['10.1.2.3', '10.1.2.5'])
})

t.test('DEL', { skip }, async (t) => {
  const { folder, a, b } = await full(t)
  t.strictSame(await b.call('DEL', 'a0'), {}, 'of an attachment of the same name elsewhere')
  t.match(b.said, /warning: 10\.1\.2\.2 of container a0, .* stays reserved: machine node1 has it/)
  t.strictSame(await b.call('DEL', 'nothing'), {})
  t.equal(folder.held().length, 5)
  a.boot()
  t.strictSame(await a.call('DEL', 'a0'), {})
  const renamed = new Machine(folder, { ...first, hostname: 'node9' })
  t.strictSame(await renamed.call('DEL', 'a1'), {}, 'on a machine that has got another name')
  t.strictSame(folder.held(), ['10.1.2.4', '10.1.2.5', '10.1.2.6'])
  folder.relink('a2', (target) => target.replace(/"machine":\{[^}]*\},/, ''))
  t.strictSame(await b.call('DEL', 'a2'), {}, 'what names no machine')
  t.strictSame(folder.held(), ['10.1.2.5', '10.1.2.6'])
})

t.test('in a folder of one machine nobody asks what that is called', { skip }, async (t) => {
  const dataDir = t.testdir()
  const conf = { name: 'net1', cniVersion: '1.1.0', ipam: { dataDir, subnet: '10.1.2.0/24' } }
  const log = join(dataDir, 'calls')
  for (const command of ['ADD', 'CHECK', 'DEL']) {
    const strace = ['strace', '-f', '-qq', '-e', 'trace=%file', '-o', log]
    const options = callOptions(command, 'c1', conf, { FLANNEL_CNI_SOCKET: '' })
    const { code, stdout } = await run([...strace, join(binDir(), 'host-local')], options)
    t.equal(code, 0, stdout)
    const calls = readFileSync(log, 'utf8')
    t.match(calls, 'net1/lock')
    t.notMatch(calls, /machine-id|product_uuid|kernel\/hostname/, command)
  }
})
