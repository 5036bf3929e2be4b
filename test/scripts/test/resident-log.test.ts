import { join } from 'node:path'
import t from 'tap'
import { readResidentLog } from '../../../scripts/test/resident-log.ts'

const lines = [
  'cni serve: version 0.1.0 listens on /x',
  'cni serve: stopped: 3 calls served, 1 declined, 0 lost',
  'cni serve: stopped: 20 calls served, 0 declined, 0 lost',
]

t.test('counts what went through servers', async (t) => {
  const dir = t.testdir({
    good: lines.join('\n'),
    none: lines[0] ?? '',
    lost: lines[1]?.replace('0 lost', '1 lost') ?? '',
  })
  const read = (name: string) => readResidentLog(join(dir, name))
  t.strictSame(read('good'), {
    text: '23 calls were served by 2 resident servers, 1 declined, 0 lost',
    isGood: true,
  })
  t.equal(read('none').isGood, false)
  t.equal(read('lost').isGood, false)
  t.equal(read('missing').isGood, false)
})
