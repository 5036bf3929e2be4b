import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseMapping } from '../../../plugins/portmap/mapping.ts'
import {
  makeRecordsFolder,
  type RecordedAttachment,
  Records,
} from '../../../plugins/portmap/records.ts'
import { cidr } from '../../support/address.ts'
import { contextOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const attachment: RecordedAttachment = {
  ...{ network: 'net1', containerId: 'c1', ifName: 'eth0' },
  ...{ netns: '/run/netns/x', netnsId: '4:1', bootId: 'b1' },
  ...{ backend: 'iptables', isConditional: true },
  addresses: [cidr('10.0.0.2/24'), cidr('fd00::2/64')],
  mappings: [
    parseMapping({ hostPort: 80, containerPort: 8080, protocol: 'tcp', hostIP: '::' }, ''),
    parseMapping({ hostPort: 53, containerPort: 53, protocol: 'udp' }, ''),
  ],
}

function setUp(t: { testdir(): string }) {
  const folder = join(t.testdir(), 'a/portmap')
  const context = contextOf()
  const { warnings } = context
  const records = new Records(folder, context)
  return { folder, records, context, warnings, file: join(folder, 'net1:c1:eth0') }
}

t.test('keeps attachments', async (t) => {
  const { folder, records, file } = setUp(t)
  t.strictSame([records.find(attachment), records.list()], [undefined, []], 'no folder')
  makeRecordsFolder(folder)
  t.equal(statSync(folder).mode & 0o777, 0o700)
  records.save(attachment)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.strictSame(records.find(attachment), attachment)
  t.equal(records.find({ ...attachment, ifName: 'eth1' }), undefined)
  const other = { ...attachment, network: 'net2', isConditional: false }
  records.save(other)
  writeFileSync(join(folder, 'lock'), '')
  t.strictSame(records.list(), [attachment, other])
  records.remove(attachment)
  records.remove(attachment)
  t.strictSame(readdirSync(folder).sort(), ['lock', 'net2:c1:eth0'])
})

t.test('takes back what was saved', async (t) => {
  const { folder, records } = setUp(t)
  makeRecordsFolder(folder)
  const undo = records.save(attachment)
  const undoSecond = records.save({ ...attachment, netnsId: '4:2' })
  undoSecond()
  t.strictSame(records.find(attachment), attachment)
  undo()
  t.equal(records.find(attachment), undefined)
})

t.test('goes on without a record that is garbled', async (t) => {
  const { folder, records, file } = setUp(t)
  makeRecordsFolder(folder)
  records.save(attachment)
  const whole = readFileSync(file, 'utf8')
  const mangled = ['', '{', '[]', '{}', whole.slice(0, -2), whole.replace('iptables', 'ipfw')]
  mangled.push(whole.replace('"protocol":"udp"', '"protocol":7'), whole.replace('53', '0'))
  for (const text of mangled) {
    writeFileSync(file, text)
    const context = contextOf()
    const { warnings } = context
    const records = new Records(folder, context)
    t.equal(records.find(attachment), undefined, text)
    t.match(warnings, [`going on without the record ${file}: `])
    const { network, containerId, ifName } = attachment
    t.strictSame([records.list(), records.unreadable()], [[], [{ network, containerId, ifName }]])
    t.equal(warnings.length, 1, 'it is said once')
  }
  records.save(attachment)
  t.strictSame(records.find(attachment), attachment)
})

t.test('finds and removes what a killed call had begun to record', async (t) => {
  const { folder, records } = setUp(t)
  makeRecordsFolder(folder)
  writeFileSync(join(folder, '.net1:c1:eth0'), '{"netns":')
  const name = { network: 'net1', containerId: 'c1', ifName: 'eth0' }
  t.strictSame([records.list(), records.unfinished()], [[], [name]])
  records.removeUnfinished({ ...name, ifName: 'eth1' })
  t.strictSame(readdirSync(folder), ['.net1:c1:eth0'])
  records.removeUnfinished(name)
  t.strictSame([readdirSync(folder), records.unfinished()], [[], []])
  records.save(attachment)
  writeFileSync(join(folder, '.net1:c1:eth0'), '')
  records.remove(attachment)
  t.strictSame(readdirSync(folder), [])
})

t.test('says where records could not be written', async (t) => {
  const { folder, records } = setUp(t)
  mkdirSync(join(folder, '..'))
  writeFileSync(folder, 'a file')
  for (const work of [() => makeRecordsFolder(`${folder}/x`), () => records.save(attachment)]) {
    const error = thrown(work)
    t.equal(error.code, 5)
    t.match(error.details, /^attachments with host ports are recorded in .*; it must be writable$/)
  }
})

t.test('tells of what earlier versions recorded whether it was in this boot', async (t) => {
  const { folder, records, context, file } = setUp(t)
  makeRecordsFolder(folder)
  records.save(attachment)
  const { bootId, ...old } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  t.equal(bootId, 'b1')
  writeFileSync(file, JSON.stringify(old))
  const bootMs = context.now() - uptime() * 1000
  for (const [writtenMs, isEarlier] of [
    [bootMs - 5000, true],
    [bootMs + 5000, false],
  ] as const) {
    utimesSync(file, writtenMs / 1000, writtenMs / 1000)
    t.equal(records.find(attachment)?.bootId !== '', isEarlier)
  }
})
