/**
 * Adds and deletes attachments on one store as fast as it can: `worker.ts <data> <marks> <name>
 * <rounds>`. In `marks` it makes one folder for each address while it holds it, which fails when
 * another worker holds the same one.
 */
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { hostLocal } from '../../../ipam/host-local/index.ts'
import { formatIp } from '../../../lib/ip/ip.ts'
import { contextOf, requestOf } from '../../support/request.ts'

const [dataDir = '', marks = '', name = '', rounds = ''] = process.argv.slice(2)
const cell = new Int32Array(new SharedArrayBuffer(4))
const context = contextOf({
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  now: () => Date.now(),
  sleep: (ms) => {
    Atomics.wait(cell, 0, 0, ms)
  },
})
const ranges = [[{ subnet: '10.1.2.0/27' }], [{ subnet: '2001:db8:1::/64' }]]
const conf = { ipam: { dataDir, ranges } }

const held: string[][] = []
for (let round = 0; round < Number(rounds); round++) {
  const containerId = `${name}-${round}`
  const { ips } = hostLocal.add(requestOf({ containerId, conf }), context)
  const addresses = ips.map(({ address }) => formatIp(address.ip))
  for (const address of addresses) mkdirSync(join(marks, address))
  held.push(addresses)
  if (round < 3) continue
  for (const address of held[round - 3] ?? []) rmdirSync(join(marks, address))
  hostLocal.del(requestOf({ containerId: `${name}-${round - 3}`, conf }), context)
}
process.stdout.write(context.warnings.join('\n'))
