/** What starts the node agent with systemd. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { type Options, parseOptions } from '../flanneld/options.ts'
import { getSysctl, kernelSkip, makeNode, type Namespace } from '../scripts/lab/node.ts'
import { inside, missingProgram, run, runSync } from '../scripts/lab/run.ts'
import { link } from './support/ip.ts'

const conf = join(import.meta.dirname, '../conf')
const unit = readFileSync(join(conf, 'flanneld.service'), 'utf8')
const environment = readFileSync(join(conf, 'flanneld.env'), 'utf8')
const defaults = parseOptions([], {}, t.fail)

/** The values of a setting of the unit, all words of all its lines. */
function words(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].flatMap(([, text = '']) =>
    text.split(' '),
  )
}

t.test('the unit tells systemd when the network is there, before containers start', async (t) => {
  t.strictSame(words('Type'), ['notify'])
  t.strictSame(words('Restart'), ['always'])
  const runtimes = ['containerd', 'docker', 'crio', 'kubelet'].map((name) => `${name}.service`)
  t.strictSame(words('Before').sort(), runtimes.sort())
  t.strictSame(words('After'), ['network-online.target', 'etcd.service'])
  t.strictSame(words('Wants'), ['network-online.target'])
  t.strictSame(words('ExecStart'), words('ConditionFileIsExecutable'))
})

t.test('subnet.env is in a folder that outlives the agent', async (t) => {
  t.strictSame(
    words('RuntimeDirectory').map((name) => `/run/${name}`),
    [dirname(defaults['subnet-file'])],
  )
  t.strictSame(words('RuntimeDirectoryPreserve'), ['yes'])
  t.strictSame(words('RuntimeDirectoryMode'), ['0755'])
  t.ok(words('RestrictAddressFamilies').includes('AF_UNIX'), 'it may talk to systemd')
})

const options = { skip: missingProgram('systemd-analyze') }
t.test('systemd understands the unit', options, async (t) => {
  // Only what it executes is not on this machine.
  const file = join(t.testdir({}), 'flanneld.service')
  writeFileSync(file, unit.replaceAll('/usr/local/bin/flanneld', '/bin/true'))
  const { code, stdout, stderr } = await run(['systemd-analyze', 'verify', file])
  t.equal(code, 0, stderr)
  t.notMatch(stdout + stderr, 'flanneld.service')
  writeFileSync(file, `${unit}\nRestrt=always\n`.replace('[Install]', ''))
  t.match((await run(['systemd-analyze', 'verify', file])).stderr, 'Restrt', 'and would tell')
})

/** What runs a program on the node with the capabilities of the unit. */
function restrictedTo({ netns }: Namespace): (...argv: string[]) => string {
  const names = words('CapabilityBoundingSet').map((name) => name.replace('CAP_', '').toLowerCase())
  const set = ['-all', ...names.map((name) => `+${name}`)].join()
  return (...argv) =>
    runSync(inside(netns, ['setpriv', '--no-new-privs', '--bounding-set', set, ...argv]))
}

const skip = kernelSkip() || missingProgram('setpriv', 'nft')
t.test('the capabilities are enough for a network', { skip }, async (t) => {
  const node = makeNode(t)
  const restricted = restrictedTo(node)
  restricted('ip', 'link', 'add', 'flannel.1', 'type', 'vxlan', 'id', '1', 'dstport', '8472')
  t.equal(link(node, 'flannel.1')?.linkinfo?.info_kind, 'vxlan')
  restricted('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
  t.equal(getSysctl(node, 'net/ipv4/ip_forward'), '1')
  restricted('nft', 'add', 'table', 'ip', 'flannel')
  t.match(runSync(inside(node.netns, ['nft', 'list', 'tables'])), 'table ip flannel')
  restricted('ping', '-c', '1', '-W', '1', '127.0.0.1')
})

const noLegacy =
  missingProgram('iptables-legacy') ||
  (existsSync('/proc/net/ip_tables_names') ? false : 'the kernel has no iptables-legacy')
t.test('and for iptables-legacy', { skip: skip || noLegacy }, async (t) => {
  const restricted = restrictedTo(makeNode(t))
  restricted('iptables-legacy', '-t', 'nat', '-N', 'FLANNEL-POSTRTG')
  t.match(restricted('iptables-legacy', '-t', 'nat', '-S'), '-N FLANNEL-POSTRTG')
})

t.test('the environment file is of options that there are', async (t) => {
  t.strictSame(words('EnvironmentFile'), ['-/etc/flannel/flanneld.env'])
  const lines = environment.split('\n').filter((line) => line !== '' && !line.startsWith('# '))
  for (const line of lines) {
    const [, name = '', value = ''] = /^#?(FLANNELD_[A-Z_]+)=(\S+)$/.exec(line) ?? []
    const option = name.replace('FLANNELD_', '').toLowerCase().replaceAll('_', '-')
    t.ok(Object.hasOwn(defaults, option), line)
    const read = parseOptions([], { [name]: value }, (message) => t.fail(message))
    t.equal(String(read[option as keyof Options]), value, line) // it is one, as just seen
  }
  const etcd = Object.keys(defaults).filter((option) => option.startsWith('etcd-'))
  for (const option of etcd) {
    t.match(environment, `FLANNELD_${option.toUpperCase().replaceAll('-', '_')}=`)
  }
})

t.test('nothing is set but where etcd is', async (t) => {
  const set = environment.split('\n').filter((line) => /^[^#]/.test(line))
  t.strictSame(set, ['FLANNELD_ETCD_ENDPOINTS=http://127.0.0.1:2379'])
})
