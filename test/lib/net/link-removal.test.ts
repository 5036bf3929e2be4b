/** Links that are deleted in the background: gone for ip(8), at once and whatever else happens. */
import { readdirSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { sleep } from '../../../lib/cni/host-process.ts'
import { type Aio, openAio, type Sending } from '../../../lib/linux/aio.ts'
import { SyscallError } from '../../../lib/linux/libc.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { BackgroundRemoval } from '../../../lib/net/link-removal.ts'
import { linkByName } from '../../../lib/net/link.ts'
import { Connection } from '../../../lib/netlink/connection.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { link, links } from '../../support/ip.ts'

const options = { skip: kernelSkip() }

/** A namespace, what makes a veth pair in it, and what removes a link in the background. */
function setUp(t: Test, parts: Partial<Aio> = {}) {
  const aio = { ...openAio(), ...parts }
  const namespace = addNamespace(t)
  const netns = Netns.open(namespace.netns)
  const connection = Connection.openIn(netns)
  t.teardown(() => {
    connection[Symbol.dispose]()
    netns[Symbol.dispose]()
  })
  const left: Sending[] = []
  const removal = new BackgroundRemoval(aio, sleep, (sending) => left.push(sending))
  /** Waits until all that was left has been sent, and releases it. */
  const release = async () => {
    for (const sending of left.splice(0)) {
      while (!aio.isDone(sending)) await setTimeout(1)
      aio.release(sending)
    }
  }
  t.teardown(release)
  const addPair = (name: string) => {
    const pair = ['type', 'veth', 'peer', 'name', `${name}-peer`]
    runSync(['ip', '-n', namespace.name, 'link', 'add', 'name', name, ...pair])
    return linkByName(connection, name)?.index ?? -1
  }
  const remove = (index: number) => removal.remove(connection, index, netns)
  return { namespace, addPair, remove, left, release, aio }
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
  const { addPair, remove, left, aio } = setUp(t)
  // On a busy machine this process may have to wait longer than the kernel does.
  let isDone = true
  for (let round = 0; round < 10 && isDone; round++) {
    remove(addPair('a'))
    isDone = left.slice(-1).every((sending) => aio.isDone(sending))
  }
  t.equal(isDone, false, 'the kernel is not done with it')
})

t.test('the errors of the kernel', options, async (t) => {
  const { namespace, remove } = setUp(t)
  const { ifindex = 0 } = link(namespace, 'lo') ?? {}
  t.throws(() => remove(ifindex), { code: 'ENOTSUP', details: 'link delete if1' })
  t.ok(link(namespace, 'lo'))
  t.doesNotThrow(() => remove(4711), 'there is none with this index')
})

t.test('without a thread to send by it waits', options, async (t) => {
  const { namespace, addPair, remove, left } = setUp(t, {
    send() {
      throw new SyscallError('aio_write', 11)
    },
  })
  remove(addPair('a'))
  t.strictSame([links(namespace).length, left], [1, []])
})

t.test('when no thread of libc comes to it, it sends itself', options, async (t) => {
  const sending = { fd: -1, memory: 0n }
  const { namespace, addPair, remove, left } = setUp(t, {
    send: () => sending,
    isDone: () => false,
  })
  remove(addPair('a'))
  t.strictSame([links(namespace).length, left.splice(0)], [1, [sending]])
})

t.test('what is left keeps a file open for each until it is released', options, async (t) => {
  const { namespace, addPair, remove, left, release } = setUp(t)
  const indices = Array.from({ length: 100 }, (_, index) => addPair(`v${index}`))
  const before = readdirSync('/proc/self/fd').length
  for (const index of indices) remove(index)
  t.equal(links(namespace).length, 1)
  t.equal(left.length, indices.length)
  t.equal(readdirSync('/proc/self/fd').length, before + left.length)
  await release()
  t.equal(readdirSync('/proc/self/fd').length, before)
})
