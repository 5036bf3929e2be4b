import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hostLocal } from '../../../ipam/host-local/index.ts'
import type { Result } from '../../../lib/cni/result.ts'
import { formatCidr, formatIp } from '../../../lib/ip/ip.ts'
import { contextOf, requestOf, type RequestParts, type TestContext } from '../../support/request.ts'

const { add, del, check, status, gc } = hostLocal

/** The plugin on a folder of its own. */
class Node {
  readonly dataDir: string
  readonly directory: string
  readonly context: TestContext = contextOf({ now: () => Date.now() })
  readonly #ipam: object
  readonly #conf: object

  constructor(t: Test, ipam: object, conf: object = {}) {
    this.dataDir = t.testdir()
    this.directory = join(this.dataDir, 'net1')
    this.#ipam = { dataDir: this.dataDir, ...ipam }
    this.#conf = conf
  }

  request({ conf, ...parts }: RequestParts) {
    return requestOf({ ...parts, conf: { ipam: this.#ipam, ...this.#conf, ...conf } })
  }

  add(containerId: string, parts: RequestParts = {}): string[] {
    return addresses(add(this.request({ ...parts, containerId }), this.context))
  }

  del(containerId: string, parts: RequestParts = {}): void {
    del(this.request({ ...parts, command: 'DEL', containerId }), this.context)
  }

  check(containerId: string, parts: RequestParts = {}): void {
    check?.(this.request({ ...parts, command: 'CHECK', containerId }), this.context)
  }

  status(conf: object = {}): void {
    status?.(this.request({ command: 'STATUS', containerId: '', ifName: '', conf }), this.context)
  }

  gc(conf: object): void {
    gc?.(this.request({ command: 'GC', containerId: '', ifName: '', conf }), this.context)
  }

  /** The names of the address files. */
  held(): string[] {
    if (!existsSync(this.directory)) return []
    return readdirSync(this.directory)
      .filter((name) => /^[\da-f]/.test(name))
      .sort()
  }

  write(name: string, content: string): void {
    mkdirSync(this.directory, { recursive: true })
    writeFileSync(join(this.directory, name), content)
  }
}

function addresses({ ips }: Result): string[] {
  return ips.map(({ address }) => formatCidr(address))
}

const v4 = { subnet: '10.1.2.0/24' }
const tiny = { subnet: '10.1.2.0/30' }
const dual = { ranges: [[v4], [{ subnet: '2001:db8:1::/64' }]] }

t.test('ADD and DEL of a dual-stack attachment', async (t) => {
  const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0', gw: '2001:db8:1::9' }]
  const node = new Node(t, { ...dual, routes, resolvConf: join(t.testdirName, 'resolv.conf') })
  writeFileSync(join(node.dataDir, 'resolv.conf'), 'nameserver 192.0.2.3\n')
  const result = add(node.request({ containerId: 'c1' }), node.context)
  t.strictSame(addresses(result), ['10.1.2.2/24', '2001:db8:1::2/64'])
  t.strictSame(
    result.ips.map(({ gateway }) => gateway && formatIp(gateway)),
    ['10.1.2.1', '2001:db8:1::1'],
  )
  t.equal(result.routes.length, 2)
  t.strictSame(result.dns, { nameservers: ['192.0.2.3'] })
  t.strictSame(result.interfaces, [])
  t.equal(readFileSync(join(node.directory, '10.1.2.2'), 'utf8'), 'c1\r\neth0')
  t.equal(readFileSync(join(node.directory, 'last_reserved_ip.1'), 'utf8'), '2001:db8:1::2')
  node.del('c1')
  t.strictSame(readdirSync(node.directory), ['last_reserved_ip.0', 'last_reserved_ip.1', 'lock'])
  t.strictSame(node.add('c1'), ['10.1.2.3/24', '2001:db8:1::3/64'], 'the next address')
  t.strictSame(node.context.warnings, [])
})

t.test('ADD twice of one attachment', async (t) => {
  const node = new Node(t, v4)
  node.add('c1')
  t.throws(() => node.add('c1'), {
    message:
      'failed to allocate for range 0: 10.1.2.2 has been allocated to c1, ' +
      'duplicate allocation is not allowed',
    details: /must call DEL before it calls ADD again$/,
  })
  t.strictSame(node.add('c1', { ifName: 'eth1' }), ['10.1.2.3/24'])
  t.strictSame(node.held(), ['10.1.2.2', '10.1.2.3'])
})

t.test('ADD that fails in a later set keeps what the attachment had before', async (t) => {
  const node = new Node(t, { ranges: [[v4], [{ subnet: '10.3.0.0/30' }]] })
  node.write('10.9.9.9', 'c1\r\neth0')
  node.write('10.3.0.2', 'other\r\neth0')
  t.throws(() => node.add('c1'), { code: 11, message: /^failed to allocate for range 1/ })
  t.strictSame(node.held(), ['10.3.0.2', '10.9.9.9'])
})

t.test('ADD touches nothing before the configuration is known to be good', async (t) => {
  const node = new Node(t, { ...v4, resolvConf: '/nonexistent/resolv.conf' })
  t.throws(() => node.add('c1'), {
    code: 7,
    message: 'open /nonexistent/resolv.conf: no such file or directory',
  })
  t.throws(() => node.add('c1', { conf: { ipam: { dataDir: node.dataDir } } }), { code: 7 })
  t.strictSame(readdirSync(node.dataDir), [])
})

t.test('ADD where no folder can be made', async (t) => {
  const node = new Node(t, v4)
  const file = join(node.dataDir, 'file')
  writeFileSync(file, '')
  const conf = { ipam: { ...v4, dataDir: file } }
  t.throws(() => node.add('c1', { conf }), {
    code: 5,
    message: `mkdir ${file}/net1: not a directory`,
    details: /ipam\.dataDir chooses another place$/,
  })
  t.throws(() => node.status(conf), { code: 50, message: /: not a directory$/ })
})

t.test('ADD takes back what a power loss left empty', async (t) => {
  const node = new Node(t, tiny)
  node.write('10.1.2.2', '')
  t.strictSame(node.add('c1'), ['10.1.2.2/30'])
  t.match(node.context.warnings, [/10\.1\.2\.2 is empty or garbled/])
})

t.test('DEL of what is not there', async (t) => {
  const node = new Node(t, v4)
  node.del('c1')
  t.strictSame(readdirSync(node.dataDir), [], 'makes no folder')
  node.add('c1')
  node.del('unknown')
  node.del('c1', { ifName: 'eth1' })
  t.strictSame(node.held(), ['10.1.2.2'])
})

t.test('DEL with ranges that have changed, or make no sense', async (t) => {
  const node = new Node(t, dual)
  for (const ipam of [{ subnet: '10.9.0.0/16' }, { ranges: 'x' }, { subnet: 7 }, {}]) {
    node.add('c1')
    node.del('c1', { args: 'nonsense', conf: { ipam: { ...ipam, dataDir: node.dataDir } } })
    t.strictSame(node.held(), [])
  }
})

t.test(
  'DEL releases old files with the container ID alone, and leaves of interrupted ADDs',
  async (t) => {
    const node = new Node(t, v4)
    node.write('10.1.2.7', 'c1\n')
    node.del('c1')
    t.strictSame(node.held(), [])
    node.add('c1')
    node.write('10.1.2.99', 'c1\r\neth0')
    const prevResult = { cniVersion: '1.1.0', ips: [{ address: '10.1.2.2/24' }] }
    node.del('c1', { conf: { prevResult } })
    t.strictSame(node.held(), [])
  },
)

t.test('DEL of one interface releases nothing of another', async (t) => {
  const interfaces = ['eth0', 'eth1', 'net1', 'eth', 'eth00']
  for (const deleted of [...interfaces, 'eth9']) {
    const node = new Node(t, dual)
    for (const ifName of interfaces) node.add('c1', { ifName })
    node.del('c1', { ifName: deleted })
    node.del('c1', { ifName: deleted })
    const names = node.held().map((name) => readFileSync(join(node.directory, name), 'utf8'))
    const kept = interfaces.filter((ifName) => ifName !== deleted)
    t.strictSame(names.sort(), kept.flatMap((ifName) => Array(2).fill(`c1\r\n${ifName}`)).sort())
  }
})

t.test('DEL releases files with the container ID alone only when it has no other', async (t) => {
  const node = new Node(t, v4)
  for (const ifName of ['eth0', 'eth1']) node.add('c1', { ifName })
  node.write('10.1.2.7', 'c1')
  node.del('c1', { ifName: 'eth0' })
  t.strictSame(node.held(), ['10.1.2.3', '10.1.2.7'])
  node.del('c1', { ifName: 'eth2' })
  t.strictSame(node.held(), ['10.1.2.3'])
})

t.test('CHECK', async (t) => {
  const node = new Node(t, dual)
  t.throws(() => node.check('c1'), {
    message: 'host-local: Failed to find address added by container c1',
  })
  t.strictSame(readdirSync(node.dataDir), [], 'makes no folder')
  node.add('c1')
  node.check('c1')
  t.throws(() => node.check('c1', { ifName: 'eth1' }))
  const prevResult = (...ips: string[]) => ({
    conf: { prevResult: { cniVersion: '1.1.0', ips: ips.map((address) => ({ address })) } },
  })
  node.check('c1', prevResult('10.1.2.2/24', '2001:db8:1::2/64', '192.0.2.1/24'))
  t.throws(() => node.check('c1', prevResult('10.1.2.3/24')), {
    message: 'host-local: address 10.1.2.3 of container c1 is not reserved for it',
    details: /but nobody holds the address$/,
  })
  node.add('c2')
  t.throws(() => node.check('c1', prevResult('10.1.2.3/24')), {
    code: 999,
    details: /but container c2, interface eth0 holds it$/,
  })
  node.write('10.1.2.77', 'old')
  node.check('old')
})

t.test('STATUS', async (t) => {
  const node = new Node(t, { ranges: [[v4], [{ subnet: '10.3.0.0/30' }]] })
  node.status()
  t.strictSame(readdirSync(node.dataDir), [], 'makes no folder')
  node.add('c1')
  node.status()
  t.match(node.context.warnings, [
    new RegExp(
      '^no IP addresses available in range set: 10\\.3\\.0\\.1-10\\.3\\.0\\.2; 1 of 1 addresses of ' +
        '10\\.3\\.0\\.1-10\\.3\\.0\\.2 and 1 of 253 addresses of 10\\.1\\.2\\.1-10\\.1\\.2\\.254 ',
    ),
  ])
  node.write('10.3.0.2', '')
  node.status()
  t.equal(node.context.warnings.length, 1, 'there is room')
  const resolv = { ...v4, dataDir: node.dataDir, resolvConf: '/nonexistent' }
  t.throws(() => node.status({ ipam: resolv }), { code: 50, message: /^open \/nonexistent/ })
  t.throws(() => node.status({ ipam: { subnet: '10.1.2.1/24' } }), { code: 7 })
  node.status({ ipam: { dataDir: node.dataDir }, capabilities: { ipRanges: true } })
})

t.test('GC keeps what is valid', async (t) => {
  const node = new Node(t, v4)
  node.gc({ 'cni.dev/valid-attachments': [] })
  t.strictSame(readdirSync(node.dataDir), [], 'makes no folder')
  for (const id of ['c1', 'c2', 'c3']) node.add(id)
  node.add('c1', { ifName: 'eth1' })
  node.write('10.1.2.50', 'c2')
  node.write('10.1.2.51', 'gone')
  node.write('10.1.2.52', '')
  node.write('note', 'todo')
  node.write('.new-0', 'c1\r\neth0')
  const valid = [
    { containerID: 'c1', ifname: 'eth0' },
    { containerID: 'c2', ifname: 'eth0' },
  ]
  node.gc({ 'cni.dev/valid-attachments': valid, ipam: { dataDir: node.dataDir, ranges: 'broken' } })
  t.strictSame(node.held(), ['10.1.2.2', '10.1.2.3', '10.1.2.50'])
  t.notOk(existsSync(join(node.directory, '.new-0')))
  t.ok(existsSync(join(node.directory, 'note')), 'a file that is no address')
  node.gc({ 'cni.dev/attachments': valid.slice(1) })
  t.strictSame(node.held(), ['10.1.2.3', '10.1.2.50'])
  t.throws(() => node.gc({}), { code: 7 })
  t.throws(() => node.gc({ 'cni.dev/valid-attachments': [{ ifname: 'eth0' }] }), { code: 7 })
  t.strictSame(node.held(), ['10.1.2.3', '10.1.2.50'], 'no list is no empty list')
  node.gc({ 'cni.dev/valid-attachments': [] })
  t.strictSame(node.held(), [])
})

t.test('GC leaves alone what is no file', async (t) => {
  const node = new Node(t, v4)
  node.add('c1')
  mkdirSync(join(node.directory, '10.1.2.9'))
  node.gc({ 'cni.dev/valid-attachments': [] })
  t.strictSame(node.held(), ['10.1.2.9'])
})

t.test('networks do not see each other', async (t) => {
  const node = new Node(t, v4)
  node.add('c1')
  t.strictSame(node.add('c1', { conf: { name: 'net2' } }), ['10.1.2.2/24'])
  node.del('c1', { conf: { name: 'net2' } })
  t.strictSame(node.held(), ['10.1.2.2'])
})
