/** One store, two implementations: what one writes the other understands. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { addressesOf, call, ours, skipTheirs, theirs } from './call.ts'

t.jobs = 1

function confOf(dataDir: string) {
  const ranges = [[{ subnet: '10.1.2.0/24' }], [{ subnet: '2001:db8:1::/64' }]]
  return {
    cniVersion: '1.0.0',
    name: 'net1',
    type: 'x',
    ipam: { type: 'host-local', dataDir, ranges },
  }
}

/**
 * Names and contents of all files below the folder, less our own. Modes differ between versions of
 * Go's.
 */
function snapshot(folder: string): [name: string, content: string][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.includes('/.'))
    .sort()
    .map((name) => {
      const path = join(folder, name)
      return [name, statSync(path).isFile() ? readFileSync(path, 'utf8') : '']
    })
}

t.test('both leave the same files and answer the same', { skip: skipTheirs }, async (t) => {
  const folders = t.testdir({ ours: {}, theirs: {} })
  const states = []
  for (const [folder, argv] of Object.entries({ ours, theirs })) {
    const dataDir = join(folders, folder)
    const conf = confOf(dataDir)
    const answers = [
      await call(argv, 'ADD', 'c1', conf),
      await call(argv, 'ADD', 'c2', conf),
      await call(argv, 'CHECK', 'c2', conf),
      await call(argv, 'DEL', 'c1', conf),
      await call(argv, 'DEL', 'c1', conf),
      await call(argv, 'CHECK', 'c1', conf),
      await call(argv, 'ADD', 'c2', conf),
      await call(argv, 'ADD', 'c3', { ...conf, ipam: { dataDir } }),
      await call(argv, 'ADD', 'c3', { ...conf, args: { cni: { ips: ['10.1.2.3'] } } }),
    ]
    states.push({
      answers: answers.map(({ ips, msg }) => ({ ips, msg })),
      files: snapshot(dataDir),
    })
  }
  t.strictSame(states[0], states[1])
})

t.test('each deletes and checks what the other added', { skip: skipTheirs }, async (t) => {
  const dataDir = t.testdir()
  const conf = confOf(dataDir)
  for (const [first, second] of [
    [ours, theirs],
    [theirs, ours],
  ] as const) {
    const before = addressesOf(await call(first, 'ADD', 'c1', conf))
    t.strictSame(await call(second, 'CHECK', 'c1', conf), {})
    t.match(await call(second, 'ADD', 'c1', conf), { msg: /duplicate allocation is not allowed/ })
    const [other] = addressesOf(await call(second, 'ADD', 'c2', conf))
    t.equal(
      other,
      before[0]?.replace(/\d+\/24/, (text) => `${parseInt(text) + 1}/24`),
      'rotation',
    )
    t.strictSame(await call(second, 'DEL', 'c1', conf), {})
    t.strictSame(await call(first, 'DEL', 'c2', conf), {})
    const left = snapshot(dataDir).map(([name]) => name)
    t.strictSame(left, ['net1', 'net1/last_reserved_ip.0', 'net1/last_reserved_ip.1', 'net1/lock'])
  }
})

t.test('both at once give no address twice', { skip: skipTheirs }, async (t) => {
  const dataDir = t.testdir()
  const conf = confOf(dataDir)
  const calls = Array.from({ length: 24 }, (_, index) =>
    call(index % 2 === 0 ? ours : theirs, 'ADD', `c${index}`, conf),
  )
  const addresses = (await Promise.all(calls)).flatMap(addressesOf)
  t.equal(new Set(addresses).size, 48)
  const dels = Array.from({ length: 24 }, (_, index) =>
    call(index % 2 === 0 ? theirs : ours, 'DEL', `c${index}`, conf),
  )
  t.strictSame(await Promise.all(dels), Array(24).fill({}))
  t.equal(snapshot(dataDir).length, 4)
})

t.test('Go’s calls break the seal, and what they did is found', { skip: skipTheirs }, async (t) => {
  const dataDir = t.testdir()
  const conf = confOf(dataDir)
  const folder = join(dataDir, 'net1')
  const isSealed = () => statSync(folder).mtimeMs === 1e12
  await call(ours, 'ADD', 'c1', conf)
  t.ok(isSealed())
  await call(theirs, 'CHECK', 'c1', conf)
  t.ok(isSealed(), 'a CHECK changes nothing')
  await call(theirs, 'ADD', 'c2', conf)
  t.notOk(isSealed())
  t.match(await call(ours, 'ADD', 'c2', conf), { msg: /10\.1\.2\.3 has been allocated to c2/ })
  t.ok(isSealed())
  await call(theirs, 'DEL', 'c1', conf)
  t.notOk(isSealed())
  t.ok(readdirSync(folder).includes('.c1 eth0'), 'its link is left')
  t.strictSame(addressesOf(await call(ours, 'ADD', 'c1', conf)).slice(0, 1), ['10.1.2.4/24'])
  await call(ours, 'DEL', 'c2', conf)
  await call(ours, 'DEL', 'c1', conf)
  t.strictSame(readdirSync(folder), ['last_reserved_ip.0', 'last_reserved_ip.1', 'lock'])
})

t.test('an address that Go has given to another', { skip: skipTheirs }, async (t) => {
  const dataDir = t.testdir()
  const conf = confOf(dataDir)
  const fixed = { ...conf, args: { cni: { ips: ['10.1.2.9'] } } }
  await call(ours, 'ADD', 'c1', fixed)
  await call(theirs, 'DEL', 'c1', conf)
  await call(theirs, 'ADD', 'c2', fixed)
  t.strictSame(await call(ours, 'DEL', 'c1', conf), {}, 'a DEL that comes late')
  t.equal(readFileSync(join(dataDir, 'net1/10.1.2.9'), 'utf8'), 'c2\r\neth0')
  t.strictSame(await call(ours, 'CHECK', 'c2', conf), {})
  t.strictSame(await call(ours, 'DEL', 'c2', conf), {})
})
