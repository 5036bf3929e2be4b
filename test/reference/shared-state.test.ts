/** Go's host-local and ours at the same time, in one folder of reservations. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { run } from '../../scripts/lab/run.ts'
import type { Output } from '../support/plugin-call.ts'
import { goDir, referenceSkip } from './go-plugins.ts'

const options = { skip: referenceSkip() }

const count = 200
/** More at once would only wait for the processors. */
const atOnce = 40

/** A network in which either side serves a container; odd numbers belong to Go. */
function makeNetwork(dataDir: string) {
  const ranges = [[{ subnet: '10.1.2.0/24' }], [{ subnet: 'fd00::/64' }]]
  const ipam = { type: 'host-local', dataDir, ranges }
  const stdin = JSON.stringify({ cniVersion: '1.0.0', name: 'net1', ipam })
  return async (folder: string, command: string, container: number): Promise<Output> => {
    const env = {
      PATH: process.env['PATH'],
      ...{ CNI_COMMAND: command, CNI_CONTAINERID: `c${container}`, CNI_IFNAME: 'eth0' },
      ...{ CNI_NETNS: '/run/netns/none', CNI_PATH: folder },
    }
    const { code, stdout } = await run([join(folder, 'host-local')], { stdin, env })
    if (code !== 0) throw new Error(`${command} of c${container} in ${folder}: ${stdout}`)
    return stdout === '' ? {} : (JSON.parse(stdout) as Output) // looked at by the test
  }
}

/** Does something for 0 to `count` - 1, so many at once; rejects with the first that fails. */
async function forAll<T>(work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

function reservations(folder: string): [address: string, owner: string][] {
  return readdirSync(folder)
    .filter((name) => /^[\da-f]+[.:]/.test(name))
    .map((name) => [name, readFileSync(join(folder, name), 'utf8')])
}

t.test('200 ADDs give no address twice, and their DELs release all', options, async (t) => {
  const dataDir = t.testdir()
  const folder = join(dataDir, 'net1')
  const call = makeNetwork(dataDir)
  const folders = [binDir(), goDir]
  const side = (index: number) => folders[index % 2] ?? ''

  const results = await forAll((index) => call(side(index), 'ADD', index))
  const given = results.map(({ ips = [] }) => ips.map(({ address }) => address.replace(/\/.*/, '')))
  t.equal(new Set(given.flat()).size, 2 * count, 'an IPv4 and an IPv6 address for each')
  const owned = given.flatMap((addresses, index) =>
    addresses.map((address) => [address, `c${index}\r\neth0`]),
  )
  t.strictSame(reservations(folder).sort(), owned.sort(), 'in files that say whose they are')

  await forAll(async (index) => index % 5 > 0 || call(side(index + 1), 'CHECK', index))
  // Half of them by the side that has added them, the other half by the other one.
  await forAll((index) =>
    index % 4 < 2 ? call(side(index + 1), 'DEL', index) : call(side(index), 'DEL', index),
  )
  t.strictSame(reservations(folder), [])
  const left = readdirSync(folder).filter((name) => !name.startsWith('last_reserved_ip.'))
  t.strictSame(left, ['lock'])
})
