import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  areDifferentMachines,
  isSameMachine,
  ThisMachine,
} from '../../../ipam/host-local/machine.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { contextOf } from '../../support/request.ts'

const { log } = contextOf()

t.test('the ID of this boot', async (t) => {
  const { bootId } = new ThisMachine(log)
  t.equal(bootId, runSync(['cat', '/proc/sys/kernel/random/boot_id']).trim())
  t.match(bootId, /^[\da-f-]{36}$/)
})

const skip = process.getuid?.() !== 0 && 'a machine of its own needs root'

/** The machine as one sees it where /etc, and perhaps /sys/class, have other files. */
function machineWith(t: Test, machineId: string, hostname: string, productUuid = ''): unknown {
  const dir = t.testdir({ etc: { 'machine-id': machineId }, dmi: { product_uuid: productUuid } })
  const root = join(import.meta.dirname, '../../..')
  const script = `
    import { ThisMachine } from '${root}/ipam/host-local/machine.ts'
    const log = { debug: () => undefined, warn: () => undefined }
    console.log(JSON.stringify(new ThisMachine(log).machine ?? null))`
  const places = `
    mount --bind "$1/etc" /etc && mount -t tmpfs none /sys && mkdir -p /sys/class/dmi/id &&
    cp "$1/dmi/product_uuid" /sys/class/dmi/id && echo "$2" > /proc/sys/kernel/hostname &&
    shift 2 && exec "$@"`
  const node = [process.execPath, '--no-warnings', '--input-type=module', '-e', script]
  const shell = ['unshare', '--mount', '--uts', 'sh', '-c', places, 'sh', dir, hostname]
  return JSON.parse(runSync([...shell, ...node]))
}

const id = '0123456789abcdef0123456789abcdef'
const uuid = '03000200-0400-0500-0006-000700080009'

t.test('is told by all of its names', { skip }, async (t) => {
  const machine = machineWith(t, `${id}\n`, 'node1', uuid)
  t.match(machine, { id: /^[\da-f]{32}$/, hostname: 'node1' })
  t.strictSame(machineWith(t, id, 'node1', uuid.toUpperCase()), machine)
  const other = id.replace('0', 'f')
  for (const [each, name, hardware] of [
    [other, 'node1', uuid],
    [id, 'node2', uuid],
    [id, 'node1', uuid.replace('3', '4')],
    [id, 'node1', ''],
  ] as const) {
    t.notSame(machineWith(t, each, name, hardware), machine)
  }
})

t.test('is told by one of its IDs, and not by its name alone', { skip }, async (t) => {
  t.match(machineWith(t, id, 'node1'), { hostname: 'node1' })
  t.match(machineWith(t, '', 'node1', uuid), { hostname: 'node1' })
  for (const text of ['', 'uninitialized\n', 'x']) {
    t.equal(machineWith(t, text, 'node1'), null, text)
  }
})

t.test('the same, different, or neither', async (t) => {
  const a = { id: 'a', hostname: 'node1' }
  t.ok(isSameMachine(a, { ...a }))
  t.notOk(areDifferentMachines(a, { ...a }))
  t.ok(areDifferentMachines(a, { id: 'b', hostname: 'node2' }))
  for (const other of [{ ...a, id: 'b' }, { ...a, hostname: 'node2' }, undefined]) {
    t.notOk(isSameMachine(a, other))
    t.notOk(areDifferentMachines(a, other))
  }
  t.notOk(isSameMachine(undefined, undefined))
})
