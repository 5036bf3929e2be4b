/** Calls of host-local that are killed before each of the changes that they make on disk. */
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { binDir } from '../../../scripts/lab/executables.ts'
import type { RunOptions } from '../../../scripts/lab/run.ts'
import { sample } from '../../support/fault-size.ts'
import { filesBelow } from '../../support/snapshot.ts'
import { addressesOf, call, callOptions, skipTheirs, theirs } from './call.ts'
import { changesBelow, type Point, runFaulty, straceSkip } from './faults.ts'

t.jobs = 1

const ours = () => [join(binDir(), 'host-local')]

/** A node where one attachment, c0, has addresses; and c1, when there is something to delete. */
class Place {
  readonly dataDir: string
  readonly conf: object

  constructor(dataDir: string) {
    this.dataDir = dataDir
    const ranges = [[{ subnet: '10.1.2.0/24' }], [{ subnet: '2001:db8:1::/64' }]]
    this.conf = { cniVersion: '1.0.0', name: 'net1', type: 'x', ipam: { dataDir, ranges } }
  }

  async prepare(...containerIds: string[]): Promise<this> {
    rmSync(this.dataDir, { recursive: true, force: true })
    mkdirSync(this.dataDir)
    for (const id of ['c0', ...containerIds]) await this.call('ADD', id)
    return this
  }

  options(command: string, containerId: string): RunOptions {
    return callOptions(command, containerId, this.conf)
  }

  call(command: string, containerId: string, argv = ours()) {
    return call(argv, command, containerId, this.conf)
  }

  /** All files, less which address was reserved last. */
  files(): object {
    const files = Object.entries(filesBelow(this.dataDir))
    return Object.fromEntries(files.filter(([path]) => !path.includes('last_reserved_ip.')))
  }

  isSealed(): boolean {
    return statSync(join(this.dataDir, 'net1')).mtimeMs === 1e12
  }
}

/**
 * The changes that the command of c1 makes, as two runs in a row have them: on a busy machine the C
 * library opens a file more in one run of a hundred, and then calls are counted otherwise.
 */
async function changesOf(model: Place, command: string, held: readonly string[]): Promise<Point[]> {
  const trace = async () => {
    await model.prepare(...held)
    return changesBelow(model.dataDir, ours(), model.options(command, 'c1'))
  }
  const counted = (points: readonly Point[]) =>
    points.map(({ name, ordinal }) => `${name} ${ordinal}`).join()
  for (let points = await trace(); ;) {
    const again = await trace()
    if (counted(again) === counted(points)) return points
    points = again
  }
}

/** Runs `check` in a place of its own for each point at which the command of c1 can be killed. */
async function killedEverywhere(
  t: Test,
  command: string,
  check: (place: Place, point: Point, before: object) => Promise<void>,
): Promise<void> {
  const root = t.testdir()
  const held = command === 'DEL' ? ['c1'] : []
  const points = await changesOf(new Place(join(root, 'model')), command, held)
  t.ok(points.length >= 5, `${command} makes ${points.length} changes`)
  for (const point of sample(points, 4)) {
    const place = new Place(join(root, 'place'))
    const kill = async () => {
      await place.prepare(...held)
      const before = place.files()
      const options = place.options(command, 'c1')
      const { code } = await runFaulty(point, 'signal=KILL', ours(), options)
      return code === null ? before : undefined
    }
    // This run, too, may be one that opens a file more before the plugin's own.
    const before = (await kill()) ?? (await kill()) ?? (await kill())
    t.ok(before, `killed at ${point.line}`)
    await check(place, point, before ?? {})
  }
}

const options = { skip: straceSkip() }

t.test('a DEL leaves nothing of an ADD that was killed', options, async (t) => {
  await killedEverywhere(t, 'ADD', async (place, { line }, before) => {
    const start = Date.now()
    t.strictSame(await place.call('DEL', 'c1'), {})
    t.ok(Date.now() - start < 3000, 'at once')
    t.strictSame(place.files(), before, line)
    t.ok(place.isSealed())
  })
})

t.test('a repeated ADD gets addresses, or is told of those it has', options, async (t) => {
  await killedEverywhere(t, 'ADD', async (place, { line }, before) => {
    const { ips, msg } = await place.call('ADD', 'c1')
    t.ok(ips?.length === 2 || /has been allocated to c1, dup/.test(msg ?? ''), `${line}: ${msg}`)
    const other = addressesOf(await place.call('ADD', 'c2'))
    t.notMatch(Object.keys(place.files()).join(), /\.new-|lock\.lock/)
    t.notOk(
      ips?.some(({ address }) => other.includes(address)),
      'no address is given twice',
    )
    for (const id of ['c1', 'c2']) t.strictSame(await place.call('DEL', id), {})
    t.strictSame(place.files(), before)
  })
})

t.test('a repeated DEL does what a killed one did not', options, async (t) => {
  await killedEverywhere(t, 'DEL', async (place, { line }, before) => {
    t.strictSame(await place.call('DEL', 'c1'), {})
    const left = Object.entries(before).filter(
      ([, content]) => !/^c1\r|"10\.1\.2\.3"/.test(content),
    )
    t.strictSame(place.files(), Object.fromEntries(left), line)
    t.ok(place.isSealed())
  })
})

t.test('Go’s host-local goes on', { skip: straceSkip() || skipTheirs }, async (t) => {
  await killedEverywhere(t, 'ADD', async (place, { line }, before) => {
    const given = [
      ...addressesOf(await place.call('ADD', 'c2', [...theirs])),
      ...addressesOf(await place.call('ADD', 'c3')),
    ]
    t.equal(new Set([...given, '10.1.2.2/24', '2001:db8:1::2/64']).size, 6, line)
    t.strictSame(await place.call('DEL', 'c1', [...theirs]), {})
    t.strictSame(await place.call('DEL', 'c2'), {})
    t.strictSame(await place.call('DEL', 'c3', [...theirs]), {})
    t.strictSame(await place.call('CHECK', 'c0'), {})
    t.strictSame(place.files(), before)
  })
})
