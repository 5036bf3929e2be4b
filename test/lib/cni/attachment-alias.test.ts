import t from 'tap'
import { parseAlias } from '../../../lib/cni/attachment-alias.ts'

t.test('names the attachment', async (t) => {
  t.strictSame(parseAlias('cbr0/c1/eth0'), { network: 'cbr0', containerId: 'c1', ifName: 'eth0' })
})

t.test('is nothing else', async (t) => {
  const others = ['', 'uplink', 'a/b', 'a/b/c/d', 'a/b/', '/b/c', 'a//c', '../b/c', 'a/b/..']
  for (const alias of others) t.equal(parseAlias(alias), undefined, alias)
})
