import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sweepConfs } from '../../../plugins/flannel/saved-conf.ts'
import { contextOf } from '../../support/request.ts'
import { runSync } from '../../support/run.ts'

const ours = '{"name":"net1","type":"bridge"}'
const foreign = '{"name":"net2","type":"bridge"}'

t.test('removes what is not valid of this network, and nothing of others', async (t) => {
  const dir = t.testdir({
    valid: ours,
    'valid:net1': ours,
    '.valid': 'of a call that was interrupted',
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
    { containerId: 'valid', ifName: 'eth0' },
    { containerId: 'valid', ifName: 'net1' },
    { containerId: 'onlyNet1', ifName: 'net1' },
    { containerId: '../etc', ifName: 'eth0' },
  ]
  const { log, warnings } = contextOf()
  sweepConfs(dir, 'net1', valid, log)
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
    { containerId: 'c1', ifName: 'eth0' },
    { containerId: 'c2', ifName: 'net1' },
  ]
  sweepConfs(dir, 'net1', valid, log)
  t.strictSame(
    readdirSync(dir).sort(),
    ['c1', 'c2', 'c2:net1'],
    'c2 may be the file that Go wrote for net1',
  )
})

t.test('removes what is nobody’s, saying so', async (t) => {
  const dir = t.testdir({ empty: '', zeros: '\0\0', nameless: '{"type":"bridge"}' })
  const { log, warnings } = contextOf()
  sweepConfs(dir, 'net1', [], log)
  t.strictSame(readdirSync(dir), [])
  t.equal(warnings.length, 2)
})

t.test('leaves alone what is no file', async (t) => {
  const dir = t.testdir({ c1: ours, target: foreign })
  mkdirSync(join(dir, 'folder'))
  symlinkSync('target', join(dir, 'link'))
  runSync(['mkfifo', join(dir, 'fifo')])
  const { log, warnings } = contextOf()
  sweepConfs(dir, 'net1', [], log)
  t.strictSame(readdirSync(dir).sort(), ['fifo', 'folder', 'link', 'target'])
  t.strictSame(warnings, [])
})

t.test('no folder is no attachment', async (t) => {
  const dir = t.testdir({ file: '' })
  const { log } = contextOf()
  t.doesNotThrow(() => sweepConfs(join(dir, 'none'), 'net1', [], log))
  t.doesNotThrow(() => sweepConfs(join(dir, 'file'), 'net1', [], log))
})
