import t from 'tap'
import { identifyNetns, isSameNetns } from '../../../lib/linux/netns-id.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'

t.test('what a path leads to', async (t) => {
  t.match(identifyNetns('/proc/self/ns/net'), /^\d+:\d+(?::\d+)?$/)
  t.equal(identifyNetns('/proc/self/ns/net'), identifyNetns('/proc/thread-self/ns/net'))
  t.not(identifyNetns('/proc/self/ns/net'), identifyNetns('/proc/self/ns/mnt'))
  t.equal(identifyNetns('/nowhere'), '')
})

t.test(
  'a namespace that gets the inode number of one that is gone',
  { skip: kernelSkip() },
  async (t) => {
    const ids = Array.from({ length: 20 }, () => {
      const removals: (() => void)[] = []
      const { netns } = addNamespace({ teardown: (remove) => removals.push(remove) })
      const id = identifyNetns(netns)
      t.ok(isSameNetns(id, identifyNetns(netns)))
      for (const remove of removals) remove()
      return id
    })
    const inodes = new Set(ids.map((id) => id.split(':')[1]))
    t.ok(inodes.size < ids.length, 'the kernel gives a number again')
    for (const [index, id] of ids.entries()) {
      t.notOk(ids.slice(index + 1).some((other) => isSameNetns(id, other)))
    }
  },
)

t.test('records of earlier versions, and of older kernels, have no cookie', async (t) => {
  t.ok(isSameNetns('4:1', '4:1:7'))
  t.ok(isSameNetns('4:1:7', '4:1'))
  t.ok(isSameNetns('4:1', '4:1'))
  t.notOk(isSameNetns('4:1', '4:2'))
  t.notOk(isSameNetns('4:1:7', '5:1:7'))
  t.notOk(isSameNetns('', ''))
})
