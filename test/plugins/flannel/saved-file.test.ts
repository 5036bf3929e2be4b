import { mkdirSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  inspectSavedFile,
  savedFileName,
  temporaryName,
} from '../../../plugins/flannel/saved-file.ts'

const saved = '{"cniVersion":"1.0.0","ipam":{"type":"host-local"},"name":"net1","type":"bridge"}'

t.test('the names of files', async (t) => {
  t.equal(savedFileName({ containerId: 'c1', ifName: 'eth0' }), 'c1')
  t.equal(savedFileName({ containerId: 'c1', ifName: 'net1' }), 'c1:net1')
  t.equal(temporaryName('c1:net1'), '.c1:net1')
})

t.test('tells when a configuration was saved, and for which network', async (t) => {
  const dir = t.testdir({ c1: saved, 'c1:net1': saved, '.c1': saved })
  for (const name of ['c1', 'c1:net1', '.c1']) {
    utimesSync(join(dir, name), 0, 1_700_000_000)
    t.strictSame(inspectSavedFile(dir, name), { network: 'net1', writtenMs: 1_700_000_000_000 })
  }
})

t.test('knows the beginning of a configuration at any length', async (t) => {
  const dir = t.testdir(
    Object.fromEntries(Array.from(saved, (_, end) => [`c${end}`, saved.slice(0, end)])),
  )
  for (let end = 0; end < saved.length; end++) {
    t.match(inspectSavedFile(dir, `c${end}`), { network: undefined, writtenMs: Number }, `${end}`)
  }
})

for (const [what, text] of Object.entries({
  'a line of text': 'FLANNEL_MTU=1450\n',
  'a list': '[{"name":"net1"',
  'an object that was not written by a program': '{ "name": "net1",\n',
  'another object': '{"name":"net1","type":"bridge"}',
  'a network name that is none': saved.replace('net1', '../net1'),
  'a number': '5',
  'white space': '\n',
})) {
  t.test(`${what} is somebody else’s`, async (t) => {
    t.equal(inspectSavedFile(t.testdir({ c1: text }), 'c1'), undefined)
  })
}

t.test('so is what no attachment can be named, and what is no file', async (t) => {
  const names = ['-c1', '..c1', 'c1:', 'c1:a b', 'c1:a:b', 'c 1', 'c1~']
  const dir = t.testdir(Object.fromEntries(names.map((name) => [name, saved])))
  mkdirSync(join(dir, 'folder'))
  symlinkSync('-c1', join(dir, 'link'))
  for (const name of [...names, 'folder', 'link', 'missing']) {
    t.equal(inspectSavedFile(dir, name), undefined, name)
  }
})
