/** `cni ps` and `cni uninstall` where other machines have the folder of reservations, as on NFS. */
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { installPlugins, makeInstalledNode } from '../support/installed-node.ts'

const plugins = kernelSkip() ? '' : installPlugins(t)

const machine = { id: 'f'.repeat(32), hostname: 'node9' }

/** What another machine's host-local has written. */
const link = JSON.stringify({
  ...{ bootId: 'b', netns: '/run/netns/other', netnsInode: 7, machine },
  addresses: { '10.244.1.8': 1_000_000 },
})

/** A file system that is not known to be one machine's alone, and what is in it when this ends. */
const script = (commands: string) => `set -e
mkdir -p /var/lib/cni/networks
mount -t ramfs none /var/lib/cni/networks
/opt/cni/bin/cni add cbr0 "$0" > /dev/null
cd /var/lib/cni/networks/cbr0
printf 'c8\\r\\neth0' > 10.244.1.8
ln -s '${link}' '.c8 eth0'
printf 'c9\\r\\neth0' > 10.244.1.9
touch -d @1000 10.244.1.8 10.244.1.9
${commands}
ls -A /var/lib/cni/networks/cbr0 >&2`

function setUp(t: Parameters<typeof makeInstalledNode>[0]) {
  const node = makeInstalledNode(t, plugins)
  writeFileSync(node.at('etc/machine-id'), `${'1'.repeat(32)}\n`)
  const pod = node.pod()
  return (commands: string) => node.run('sh', '-c', script(commands), pod.netns)
}

t.test('ps leaves out what others have reserved', { skip: kernelSkip() }, async (t) => {
  const { code, stdout, stderr } = await setUp(t)('/opt/cni/bin/cni ps --json')
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout), [{ addresses: ['10.244.1.2/24'], problem: null }])
  t.equal(JSON.parse(stdout).length, 1)
})

t.test('uninstall releases what this machine has reserved', { skip: kernelSkip() }, async (t) => {
  const call = setUp(t)
  const { code, stdout, stderr } = await call('/opt/cni/bin/cni uninstall --force')
  t.equal(code, 0, stderr)
  t.match(stdout, '  reservations of this machine in /var/lib/cni/networks/cbr0/\n')
  t.match(
    stdout,
    'kept /var/lib/cni/networks/cbr0, which other machines may have, too; 2 reservations there',
  )
  // The plugin's GC has made a link for the reservation that had none.
  t.strictSame(stderr.trim().split('\n').sort(), [
    ...['.c8 eth0', '.c9 eth0', '10.244.1.8', '10.244.1.9', 'last_reserved_ip.0', 'lock'],
  ])
})

t.test('also when no plugin is there to do it', { skip: kernelSkip() }, async (t) => {
  const commands = 'rm /opt/cni/bin/bridge /opt/cni/bin/host-local /opt/cni/bin/flannel\n'
  const { code, stderr } = await setUp(t)(`${commands}/opt/cni/bin/cni uninstall --force`)
  t.equal(code, 0, stderr)
  t.strictSame(stderr.trim().split('\n').sort(), [
    ...['.c8 eth0', '10.244.1.8', '10.244.1.9', 'last_reserved_ip.0', 'lock'],
  ])
})
