import { readdirSync } from 'node:fs'
import t from 'tap'
import { sendUnixDatagram } from '../../../lib/linux/unix-socket.ts'
import { datagramReader, readerSkip, socketPath } from '../../support/datagram.ts'

t.test('datagrams to Unix sockets', { skip: readerSkip() }, async (t) => {
  const path = socketPath(t, 'socket')
  for (const address of [path, `@${path}-in-no-folder`]) {
    await using reader = await datagramReader(address)
    sendUnixDatagram(address, Buffer.from('READY=1\n\0'))
    sendUnixDatagram(address, Buffer.from('STOPPING=1'))
    t.strictSame(await reader.read(2), ['READY=1\n\0', 'STOPPING=1'])
  }
  t.throws(() => sendUnixDatagram(path, Buffer.from('x')), { code: 'ECONNREFUSED' })
  t.throws(() => sendUnixDatagram(`${path}2`, Buffer.from('x')), { code: 'ENOENT' })
  t.throws(() => sendUnixDatagram(`/${'x'.repeat(107)}`, Buffer.from('x')), /too long/)
  const opened = () => readdirSync('/proc/self/fd').length
  const before = opened()
  for (let tries = 0; tries < 20; tries++) {
    t.throws(() => sendUnixDatagram(`${path}2`, Buffer.from('x')), { code: 'ENOENT' })
  }
  t.equal(opened(), before, 'no socket stays open')
})
