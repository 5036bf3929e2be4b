/**
 * One end of a TCP connection, a program for tests to run inside a pod. `tcp-end.ts receive ADDRESS`
 * prints the port that it listens on, and takes one connection; `tcp-end.ts send ADDRESS PORT BYTES`
 * sends that many random bytes. Each then prints how many bytes there were, and their hash.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { buffer } from 'node:stream/consumers'

const [end, address = '', port, bytes] = process.argv.slice(2)

// A connection that stands still would keep the test waiting.
setTimeout(() => process.exit(1), 20_000).unref()
console.log(summary(end === 'receive' ? await receive() : await send()))

async function receive(): Promise<Buffer> {
  const server = createServer().listen(0, address)
  const connection = once(server, 'connection')
  await once(server, 'listening')
  console.log((server.address() as AddressInfo).port) // never a path: it listens on an address
  const [socket] = await connection
  server.close()
  return buffer(socket)
}

async function send(): Promise<Buffer> {
  const data = randomBytes(Number(bytes))
  const socket = connect(Number(port), address)
  socket.end(data)
  await once(socket.resume(), 'close')
  return data
}

function summary(data: Buffer): string {
  return `${data.length} ${createHash('sha256').update(data).digest('hex')}`
}
