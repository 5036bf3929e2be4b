/** More calls at once than a range has addresses. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { binDir } from '../../../scripts/lab/executables.ts'
import type { Output } from '../../support/plugin-call.ts'
import { callOptions } from './call.ts'

const capacity = 253
const count = 260

t.test('260 ADDs at once on a /24, then as many DELs', async (t) => {
  const dataDir = t.testdir({ data: {} })
  const ipam = { type: 'host-local', dataDir: join(dataDir, 'data'), subnet: '10.1.2.0/24' }
  const conf = { cniVersion: '1.0.0', name: 'net1', type: 'x', ipam }
  // A file, so that no process waits for this one to write to its stdin.
  writeFileSync(join(dataDir, 'conf'), JSON.stringify(conf))
  const program = join(binDir(), 'host-local')
  const all = (command: string) =>
    Promise.all(
      Array.from({ length: count }, async (_, index): Promise<Output> => {
        const { env } = callOptions(command, `c${index}`, conf)
        const stdin = openSync(join(dataDir, 'conf'), 'r')
        const child = spawn(program, { env, stdio: [stdin, 'pipe', 'inherit'] })
        closeSync(stdin)
        const stdout = child.stdout === null ? '' : await text(child.stdout)
        return stdout === '' ? {} : (JSON.parse(stdout) as Output) // asserted on below
      }),
    )
  const added = await all('ADD')
  const addresses = added.flatMap(({ ips = [] }) => ips.map(({ address }) => address))
  t.equal(addresses.length, capacity)
  t.equal(new Set(addresses).size, capacity, 'no address is given twice')
  const refused = added.filter(({ ips }) => ips === undefined)
  for (const reply of refused) {
    t.match(reply, { code: 11, msg: /^failed to allocate for range 0: no IP addresses available/ })
  }
  t.strictSame(await all('DEL'), Array(count).fill({}))
  t.strictSame(readdirSync(join(dataDir, 'data/net1')), ['last_reserved_ip.0', 'lock'])
})
