/** host-local as a runtime calls it, where the disk is in the way. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { binDir } from '../../../scripts/lab/executables.ts'
import { run } from '../../../scripts/lab/run.ts'
import type { Output } from '../../support/plugin-call.ts'

const skip = process.getuid?.() !== 0 && 'mounting a file system needs root'

/** What a script in a place of its own printed: one reply for each call, and other lines. */
interface Story {
  readonly replies: readonly Output[]
  readonly lines: readonly string[]
  readonly stderr: string
}

/**
 * Runs a shell script where `$data` is a tmpfs that nobody else sees, made with these options. `add
 * ID`, `del ID` and `status` call host-local, and `lines COMMAND` prints lines of its output.
 */
async function tell(t: Test, options: string, script: string): Promise<Story> {
  const dataDir = t.testdir()
  const ipam = { type: 'host-local', subnet: '10.1.2.0/24', dataDir }
  const conf = JSON.stringify({ name: 'net1', cniVersion: '1.1.0', type: 'x', ipam })
  const functions = `
    call() { CNI_COMMAND=$1 CNI_CONTAINERID=$2 "$plugin" < "$data.json" | tr -d '\\n'; echo; }
    add() { call ADD "$1"; }
    del() { call DEL "$1"; }
    status() { call STATUS ''; }
    lines() { "$@" 2>&1 | sed 's/^/: /'; }
    printf %s "$conf" > "$data.json"
    mount -t tmpfs -o "$options" none "$data"
  `
  const env = {
    ...{ PATH: process.env['PATH'], CNI_NETNS: '/run/netns/none', CNI_IFNAME: 'eth0' },
    ...{ CNI_PATH: '/none', plugin: join(binDir(), 'host-local'), data: dataDir, conf, options },
  }
  t.teardown(() => run(['rm', '-f', `${dataDir}.json`]))
  const argv = ['unshare', '--mount', 'sh', '-c', `${functions}\n${script}`]
  const { stdout, stderr } = await run(argv, { env })
  const all = stdout.replace(/\n$/, '').split('\n')
  return {
    replies: all
      .filter((line) => !line.startsWith(': '))
      .map((line) => (line === '' ? {} : (JSON.parse(line) as Output))), // asserted on by the tests
    lines: all.filter((line) => line.startsWith(': ')).map((line) => line.slice(2)),
    stderr,
  }
}

const fillUp = 'dd if=/dev/zero of="$data/fill" bs=4096 2> /dev/null'
const list = 'lines ls -A "$data/net1"'

t.test('a full disk', { skip }, async (t) => {
  const script = `add c1; ${fillUp}; add c2; ${list}; del c1; status; rm "$data/fill"; add c2; del c2`
  const { replies, lines, stderr } = await tell(t, 'size=64k', script)
  t.match(replies, [
    { ips: [{ address: '10.1.2.2/24' }] },
    {
      code: 5,
      msg: /^reserving 10\.1\.2\.3: write: no space left on device$/,
      details: /\/net1 must be writable and have space and inodes left \(df -h, df -i\)$/,
    },
    {},
    {},
    { ips: [{ address: '10.1.2.3/24' }] },
    {},
  ])
  t.strictSame(lines, ['.c1 eth0', '10.1.2.2', 'last_reserved_ip.0', 'lock'], 'nothing is left')
  t.equal(stderr, '')
})

t.test('a disk without inodes', { skip }, async (t) => {
  const fill = 'while touch "$data/fill-$((n += 1))" 2> /dev/null; do :; done'
  const script = `add c1; ${fill}; add c2; ${list}; del c1; ${list}; rm "$data"/fill-*; add c2`
  const { replies, lines, stderr } = await tell(t, 'size=64k,nr_inodes=16', script)
  t.match(replies, [
    { ips: [{ address: '10.1.2.2/24' }] },
    { code: 5, msg: /^reserving 10\.1\.2\.3: open .*: no space left on device$/ },
    {},
    { ips: [{ address: '10.1.2.3/24' }] },
  ])
  const before = ['.c1 eth0', '10.1.2.2', 'last_reserved_ip.0', 'lock']
  t.strictSame(lines, [...before, 'last_reserved_ip.0', 'lock'])
  t.equal(stderr, '')
})

t.test('a disk without inodes, and addresses of Go’s host-local', { skip }, async (t) => {
  const fill = 'while touch "$data/fill-$((n += 1))" 2> /dev/null; do :; done'
  const go = `printf 'c2\\r\\neth0' > "$data/net1/10.1.2.9"`
  const script = `add c1; ${go}; ${fill}; del c2; del c1; ${list}; rm "$data"/fill-*; del c1`
  const { replies, lines, stderr } = await tell(t, 'size=64k,nr_inodes=16', script)
  t.match(replies, [{ ips: [{ address: '10.1.2.2/24' }] }, {}, {}, {}])
  t.strictSame(lines, ['last_reserved_ip.0', 'lock'], 'all is released')
  t.match(stderr, /DEL c2\/eth0: warning: reading all of .*: symlink .*: no space left on device/)
})

t.test('a disk that has become read-only', { skip }, async (t) => {
  const ro = 'mount -o remount,ro "$data"'
  const script = `add c1; ${ro}; status; add c2; del c1; mount -o remount,rw "$data"; del c1; ${list}`
  const { replies, lines } = await tell(t, 'size=64k', script)
  t.match(replies, [
    { ips: [{ address: '10.1.2.2/24' }] },
    {
      code: 50,
      msg: /^access .*\/net1\/: read-only file system$/,
      details: /^reservations are kept in .*\/net1, which must be a writable directory;/,
    },
    { code: 5, msg: /^open .*\/net1\/lock: read-only file system$/ },
    { code: 5, msg: /^open .*\/net1\/lock: read-only file system$/ },
    {},
  ])
  t.strictSame(lines, ['last_reserved_ip.0', 'lock'])
})

t.test('a disk that has always been read-only', { skip }, async (t) => {
  const { replies } = await tell(t, 'ro', 'status; add c1; del c1')
  t.match(replies, [
    { code: 50, msg: /^access .*\/: read-only file system$/ },
    {
      code: 5,
      msg: /^mkdir .*\/net1: read-only file system$/,
      details: /ipam\.dataDir chooses another place$/,
    },
    {},
  ])
})
