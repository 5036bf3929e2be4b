/**
 * A program for tests to run inside a namespace. It reads commands, one in a line, and prints a
 * line when each is done. `serve NAME PORT`: from then on, it answers on TCP and UDP with the name
 * and the address of who asks. `ask tcp|udp ADDRESS PORT LOCAL-PORT`: it prints such an answer, or
 * an empty line when there was none within a second.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

for await (const line of createInterface(process.stdin)) {
  const [verb, ...args] = line.split(' ')
  console.log(await (verb === 'serve' ? serve : ask)(...(args as [string, string])))
}

async function serve(name: string, port: string): Promise<string> {
  const answer = (address = '') => `${name} saw ${address.replace('::ffff:', '')}`
  const server = createServer((socket) => socket.end(answer(socket.remoteAddress)))
  const udp = createSocket('udp6')
  udp.on('message', (_, { address, port }) => udp.send(answer(address), port, address))
  udp.bind(Number(port))
  await Promise.all([once(server.listen(Number(port)), 'listening'), once(udp, 'listening')])
  return 'listening'
}

async function ask(protocol: string, host: string, port = '', localPort = ''): Promise<string> {
  const signal = AbortSignal.timeout(1000)
  try {
    return await (protocol === 'tcp'
      ? askTcp(host, Number(port), signal)
      : askUdp(host, Number(port), Number(localPort), signal))
  } catch {
    return '' // refused, unreachable or too late: no answer
  }
}

async function askTcp(host: string, port: number, signal: AbortSignal): Promise<string> {
  const socket = connect({ host, port, signal })
  return text(socket)
}

async function askUdp(host: string, port: number, localPort: number, signal: AbortSignal) {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    socket.bind(localPort)
    await once(socket, 'listening')
    // connected, it takes an answer from nobody else
    socket.connect(port, host)
    await once(socket, 'connect', { signal })
    socket.send('who is there?')
    const [answer] = await once(socket, 'message', { signal })
    return String(answer)
  } finally {
    socket.close()
  }
}
