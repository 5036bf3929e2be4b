import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sweepConfs } from '../../../plugins/flannel/saved-conf.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { contextOf } from '../../support/request.ts'

const ours = '{"ipam":{"type":"host-local"},"name":"net1","type":"bridge"}'
const foreign = ours.replace('net1', 'net2')

/** A minute later than the files of a test. */
const later = () => Date.now() + 60_000

t.test('removes what is not valid of this network, and nothing of others', async (t) => {
  const dir = t.testdir({
    valid: ours,
    'valid:net1': ours,
    '.valid': ours.slice(0, 9),
    onlyNet1: ours,
    '.onlyNet1:net1': '',
    stale: ours,
    'stale:net1': ours,
    '.stale': ours,
    other: foreign,
    'other:net1': foreign,
    '.other': foreign,
  })
  const valid = [
    { network: 'net1', containerId: 'valid', ifName: 'eth0' },
    { network: 'net1', containerId: 'valid', ifName: 'net1' },
    { network: 'net1', containerId: 'onlyNet1', ifName: 'net1' },
    { network: 'net1', containerId: '../etc', ifName: 'eth0' },
  ]
  const { log, warnings } = contextOf()
  sweepConfs(dir, 'net1', valid, later(), log)
  t.strictSame(readdirSync(dir).sort(), [
    '.onlyNet1:net1',
    '.other',
    '.valid',
    'onlyNet1',
    'other',
    'other:net1',
    'valid',
    'valid:net1',
  ])
  t.strictSame(warnings, [])
})

t.test('removes one of two interfaces', async (t) => {
  const dir = t.testdir({ c1: ours, 'c1:net1': ours, c2: ours, 'c2:net1': ours })
  const { log } = contextOf()
  const valid = [
    { network: 'net1', containerId: 'c1', ifName: 'eth0' },
    { network: 'net1', containerId: 'c2', ifName: 'net1' },
  ]
  sweepConfs(dir, 'net1', valid, later(), log)
  t.strictSame(
    readdirSync(dir).sort(),
    ['c1', 'c2', 'c2:net1'],
    'c2 may be the file that Go wrote for net1',
  )
})

t.test('removes what an interrupted save left, saying so', async (t) => {
  const dir = t.testdir({ empty: '', zeros: '\0\0', '.c1': '{', c2: ours.slice(0, -1) })
  const { log, warnings } = contextOf()
  sweepConfs(dir, 'net1', [], later(), log)
  t.strictSame(readdirSync(dir), [])
  t.equal(warnings.length, 4)
})

t.test('leaves alone what flannel has not written', async (t) => {
  const files = {
    README: 'what stands in this folder',
    'subnet.env': 'FLANNEL_NETWORK=10.244.0.0/16\n',
    'no-network': '{"ipam":{},"type":"bridge"}',
    'no-ipam.conf': '{"name":"net1","type":"bridge"}',
    list: '["net1"]',
    number: '5',
    'torn-list': '["net1"',
    blank: ' ',
    'a b': '',
    'c1:eth0:x': ours,
    'c1:a b': ours,
    '-c1': ours,
    '..c1': ours,
  }
  const dir = t.testdir(files)
  const { log, warnings } = contextOf()
  sweepConfs(dir, 'net1', [], later(), log)
  t.strictSame(readdirSync(dir).sort(), Object.keys(files).sort())
  t.strictSame(warnings, [])
})

t.test('leaves alone what an ADD has written behind its start', async (t) => {
  const dir = t.testdir({ old: ours, '.old:net1': '' })
  const startMs = Date.now() + 1000
  const files = { new: ours, '.writing': '' }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name), text)
    utimesSync(join(dir, name), 0, (startMs + 1) / 1000)
  }
  sweepConfs(dir, 'net1', [], startMs, contextOf().log)
  t.strictSame(readdirSync(dir).sort(), Object.keys(files).sort())
})

t.test('leaves alone what is no file', async (t) => {
  const dir = t.testdir({ c1: ours, target: foreign })
  mkdirSync(join(dir, 'folder'))
  symlinkSync('target', join(dir, 'link'))
  runSync(['mkfifo', join(dir, 'fifo')])
  const { log, warnings } = contextOf()
  sweepConfs(dir, 'net1', [], later(), log)
  t.strictSame(readdirSync(dir).sort(), ['fifo', 'folder', 'link', 'target'])
  t.strictSame(warnings, [])
})

t.test('no folder is no attachment', async (t) => {
  const dir = t.testdir({ file: '' })
  const { log } = contextOf()
  t.doesNotThrow(() => sweepConfs(join(dir, 'none'), 'net1', [], later(), log))
  t.doesNotThrow(() => sweepConfs(join(dir, 'file'), 'net1', [], later(), log))
})
