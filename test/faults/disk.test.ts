/** State folders on a disk with no space, with no inodes, and on one that is read-only. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { prepare, type Subject, subjects } from '../support/fault-subject.ts'
import { firewallSkip } from '../support/firewall.ts'
import type { Argv } from '../support/system-calls.ts'

const skip = kernelSkip() || firewallSkip()

/** What happens to the state folder `$folder`, in shell. */
const disks: Readonly<Record<string, { spoil: string; says: RegExp }>> = {
  'no space': {
    spoil: 'head -c 1M /dev/zero >"$folder/filler" 2>/dev/null',
    says: /no space left on device/,
  },
  'no inodes': {
    spoil: 'i=0; while touch "$folder/filler$i" 2>/dev/null; do i=$((i+1)); done',
    says: /no space left on device/,
  },
  'read-only': { spoil: 'mount -o remount,ro "$folder"', says: /read-only file system/ },
}

/** Runs the executable where each of these folders is a disk of its own; then lists what is new. */
function onDisks({ node, state }: Subject, script: string): Argv {
  const folders = state.map((name) => join(node.dir, name))
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  const mount = 'mount -t tmpfs -o size=64k,nr_inodes=40 disk "$folder"'
  const text = `executable=$1; shift; conf=$(cat)
    plugin() { printf %s "$conf" | CNI_COMMAND=$1 "$executable"; }
    each() { for folder in $folders; do eval "$1"; done; }
    folders="$*"; each '${mount}'
    ${script}
    status=$?
    find "$@" ! -type d ! -name 'filler*' ! -name lock ! -name 'last_reserved_ip*' >&2
    exit $status`
  return (executable) => [
    'unshare',
    '--mount',
    '--',
    'sh',
    '-c',
    text,
    'sh',
    executable,
    ...folders,
  ]
}

for (const plugin of Object.keys(subjects)) {
  for (const [disk, { spoil, says }] of Object.entries(disks)) {
    t.test(`${plugin} ADD: ${disk}`, { skip }, async (t) => {
      const subject = await prepare(plugin, 'ADD', t)
      const { network, pod, traces } = subject
      const argv = onDisks(subject, `each '${spoil}'; plugin ADD`)
      const { code, stdout, stderr, json } = await network.call('ADD', pod, {}, { argv })
      t.equal(code, 1, stdout)
      t.match(`${json.msg} ${json.details}`, says)
      t.equal(stderr, '', 'no files, and no stack')
      t.strictSame(traces(), [])
    })
  }

  t.test(`${plugin} DEL: no space`, { skip }, async (t) => {
    const subject = await prepare(plugin, 'ADD', t)
    const { network, pod, traces } = subject
    const script = `plugin ADD >/dev/null; each '${disks['no space']?.spoil}'; plugin DEL`
    const argv = onDisks(subject, script)
    const { code, stdout, stderr } = await network.call('DEL', pod, {}, { argv })
    t.strictSame([code, stdout, stderr], [0, '', ''])
    t.strictSame(traces(), [])
  })

  t.test(`${plugin} DEL: read-only`, { skip }, async (t) => {
    const subject = await prepare(plugin, 'ADD', t)
    const { network, pod, traces } = subject
    const argv = onDisks(
      subject,
      `plugin ADD >/dev/null; each '${disks['read-only']?.spoil}'; plugin DEL; failed=$?
      each 'mount -o remount,rw "$folder"'; plugin DEL >&2 && (exit $failed)`,
    )
    const { code, stdout, stderr, json } = await network.call('DEL', pod, {}, { argv })
    t.equal(code, 1, stdout)
    t.match(`${json.msg} ${json.details}`, disks['read-only']?.says)
    t.equal(stderr, '', 'the next one succeeds, and no file is left')
    t.strictSame(traces(), [])
  })
}
