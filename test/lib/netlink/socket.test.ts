import { readdirSync, readlinkSync } from 'node:fs'
import t from 'tap'
import { linkMessage, RTM_GETLINK } from '../../../lib/netlink/link.ts'
import { encodeMessage, NLM_F_REQUEST } from '../../../lib/netlink/message.ts'
import { openSocket } from '../../../lib/netlink/socket.ts'

/** Reading links needs no privileges: this runs in the namespace of the machine. */
const showLoopback = encodeMessage({
  type: RTM_GETLINK,
  flags: NLM_F_REQUEST,
  sequence: 1,
  payload: linkMessage.encode({ name: 'lo' }),
})

t.test('a datagram comes whole, whatever its size', async (t) => {
  using socket = openSocket(1)
  socket.send(showLoopback)
  const datagram = socket.receive()
  t.equal(new DataView(datagram.buffer).getUint32(0, true), datagram.length)
  t.ok(datagram.length > 500, 'the kernel tells much about a link')
})

t.test('waiting for an answer ends', async (t) => {
  using socket = openSocket(1)
  const start = Date.now()
  t.throws(() => socket.receive(), { syscall: 'recv', code: 'EAGAIN' })
  t.ok(Date.now() - start >= 900)
})

t.test('closing closes, and again does nothing', async (t) => {
  const before = openSockets()
  const socket = openSocket(1)
  t.equal(openSockets(), before + 1)
  socket[Symbol.dispose]()
  socket[Symbol.dispose]()
  t.equal(openSockets(), before)
  t.throws(() => socket.send(showLoopback), { syscall: 'sendto', code: 'EBADF' })
})

function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith('socket:')).length
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // the descriptor of the listing itself, which is closed by now
  }
}
