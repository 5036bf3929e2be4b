/** Calls of host-local in which one of the changes that they make on disk fails. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../../../scripts/lab/executables.ts'
import { sample, sized } from '../../support/fault-size.ts'
import type { Output } from '../../support/plugin-call.ts'
import { filesBelow } from '../../support/snapshot.ts'
import { call, callOptions } from './call.ts'
import { changesBelow, runFaulty, straceSkip } from './faults.ts'

t.jobs = 1

const ours = () => [join(binDir(), 'host-local')]
const skip = straceSkip()
const errnos = ['ENOSPC', 'EIO', 'EACCES', 'EMFILE', 'EROFS', 'EPERM']
const ranges = [[{ subnet: '10.1.2.0/24' }], [{ subnet: '2001:db8:1::/64' }]]

/** An empty folder, and the configuration of a network that is kept in it. */
function makePlace(dataDir: string): object {
  rmSync(dataDir, { recursive: true, force: true })
  mkdirSync(dataDir)
  return { cniVersion: '1.0.0', name: 'net1', type: 'x', ipam: { dataDir, ranges } }
}

/** What is left in the folder, less what says nothing about addresses. */
function left(dataDir: string): string[] {
  const isNoise = (path: string) => /^net1(?:\/lock|\/last_reserved_ip\.\d)?$/.test(path)
  return Object.keys(filesBelow(dataDir)).filter((path) => !isNoise(path))
}

for (const errno of sized(errnos, ['ENOSPC', 'EACCES'])) {
  t.test(`an ADD that meets ${errno}`, { skip }, async (t) => {
    const dataDir = join(t.testdir(), 'data')
    const addIn = (conf: object) => callOptions('ADD', 'c1', conf)
    const points = await changesBelow(dataDir, ours(), addIn(makePlace(dataDir)))
    t.ok(points.length >= 15)
    for (const point of sample(points, 6)) {
      const conf = makePlace(dataDir)
      const { stdout } = await runFaulty(point, `error=${errno}`, ours(), addIn(conf))
      const { code, msg, details, ips } = JSON.parse(stdout) as Output // asserted on below
      if (ips === undefined) {
        t.match({ msg, details }, { msg: /\w+ .*: \w+/, details: /\w/ }, point.line)
        t.equal(code, 5)
        t.strictSame(left(dataDir), [], point.line)
      }
      t.strictSame(await call(ours(), 'DEL', 'c1', conf), {})
      t.strictSame(left(dataDir), [], `${point.line}: ${msg}`)
    }
  })

  t.test(`a DEL that meets ${errno}`, { skip }, async (t) => {
    const dataDir = join(t.testdir(), 'data')
    const prepare = async () => {
      const conf = makePlace(dataDir)
      await call(ours(), 'ADD', 'c1', conf)
      return conf
    }
    const delIn = (conf: object) => callOptions('DEL', 'c1', conf)
    const points = await changesBelow(dataDir, ours(), delIn(await prepare()))
    for (const point of sample(points, 6)) {
      const conf = await prepare()
      const { stdout } = await runFaulty(point, `error=${errno}`, ours(), delIn(conf))
      if (stdout !== '') t.match(JSON.parse(stdout), { code: Number, msg: /\w+ .*: \w+/ })
      t.strictSame(await call(ours(), 'DEL', 'c1', conf), {}, point.line)
      t.strictSame(left(dataDir), [])
    }
  })
}

t.test('a file system without links', { skip }, async (t) => {
  const dataDir = join(t.testdir(), 'data')
  const addIn = (conf: object) => callOptions('ADD', 'c1', conf)
  const points = await changesBelow(dataDir, ours(), addIn(makePlace(dataDir)))
  const links = points.filter(({ name }) => /^(?:sym)?link/.test(name))
  t.equal(links.length, 3)
  for (const point of links) {
    const { stdout } = await runFaulty(point, 'error=EPERM', ours(), addIn(makePlace(dataDir)))
    t.match(JSON.parse(stdout), {
      code: 5,
      msg: /^reserving 10\.1\.2\.2 and 2001:db8:1::2: (?:sym)?link .*: operation not permitted$/,
      details: /must be on a file system that has hard links and symbolic links; ipam\.dataDir/,
    })
  }
})
