/** A server that only greets: `SOCKET TEXT`. It prints a line when it listens. */
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'

const [socket = '', text = ''] = process.argv.slice(2)
rmSync(socket, { force: true })
createServer((connection) => connection.on('error', () => {}).write(text)).listen(socket, () =>
  console.log('listening'),
)
