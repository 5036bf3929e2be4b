/** Links that are deleted in the background: gone for ip(8), at once and whatever else happens. */
import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { sleep } from '../../../lib/cni/host-process.ts'
import { openAio, SyscallError } from '../../../lib/net/libc.ts'
import { linkByName } from '../../../lib/net/link.ts'
import { BackgroundRemoval } from '../../../lib/net/link-removal.ts'
import { Netns } from '../../../lib/net/netns.ts'
import { link, links } from '../../support/ip.ts'
import { addNamespace, kernelSkip } from '../../support/node.ts'
import { runSync } from '../../support/run.ts'

const options = { skip: kernelSkip() }

/** A namespace, what makes a veth pair in it, and what removes a link in the background. */
function setUp(t: Test, send = openAio()) {
  const namespace = addNamespace(t)
  const netns = Netns.open(namespace.netns)
  const connection = netns.connect()
  t.teardown(() => {
    connection[Symbol.dispose]()
    netns[Symbol.dispose]()
  })
  const removal = new BackgroundRemoval(send, sleep)
  const addPair = (name: string) => {
    const pair = ['type', 'veth', 'peer', 'name', `${name}-peer`]
    runSync(['ip', '-n', namespace.name, 'link', 'add', 'name', name, ...pair])
    return linkByName(connection, name)?.index ?? -1
  }
  return { namespace, addPair, remove: (index: number) => removal.remove(connection, index, netns) }
}

t.test('a link is gone when the call returns, and its name is free', options, async (t) => {
  const { namespace, addPair, remove } = setUp(t)
  for (let round = 1; round <= 5; round++) {
    remove(addPair('a'))
    t.equal(link(namespace, 'a'), undefined)
    t.equal(link(namespace, 'a-peer'), undefined)
  }
})

t.test('it takes less time than the kernel takes to answer', options, async (t) => {
  const { addPair, remove } = setUp(t)
  const index = addPair('a')
  let answered = false
  const watched = setUp(t, (fd, bytes) => {
    const sending = openAio()(fd, bytes)
    return { isDone: () => (answered = sending.isDone()) }
  })
  watched.remove(watched.addPair('b'))
  t.equal(answered, false, 'the kernel is not done with it')
  remove(index)
})

t.test('the errors of the kernel', options, async (t) => {
  const { namespace, remove } = setUp(t)
  const { ifindex = 0 } = link(namespace, 'lo') ?? {}
  t.throws(() => remove(ifindex), { code: 'ENOTSUP', details: 'link delete if1' })
  t.ok(link(namespace, 'lo'))
  t.doesNotThrow(() => remove(4711), 'there is none with this index')
})

t.test('without a thread to send by it waits', options, async (t) => {
  const { namespace, addPair, remove } = setUp(t, () => {
    throw new SyscallError('aio_write', 11)
  })
  remove(addPair('a'))
  t.strictSame(
    links(namespace).map(({ ifname }) => ifname),
    ['lo'],
  )
})

t.test('many at once, and no file stays open', options, async (t) => {
  const { namespace, addPair, remove } = setUp(t)
  const indices = Array.from({ length: 100 }, (_, index) => addPair(`v${index}`))
  const before = readdirSync('/proc/self/fd').length
  for (const index of indices) remove(index)
  t.equal(links(namespace).length, 1)
  const most = before + 64
  t.ok(readdirSync('/proc/self/fd').length <= most, 'only so many are on their way')
  await new Promise((resolve) => setTimeout(resolve, 500))
  remove(addPair('last'))
  t.ok(readdirSync('/proc/self/fd').length <= before + 1, 'and they are closed by the next one')
})
