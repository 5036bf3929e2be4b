/** A resident server from source, whose threads end when they are idle for a while: `SOCKET MS`. */
import { join } from 'node:path'
import { version } from '../../lib/base/version.ts'
import { runServer } from '../../resident/host-server.ts'

const [socket = '', maxIdleMs = ''] = process.argv.slice(2)
const entry = join(import.meta.dirname, '../../commands/main.ts')
await runServer({ socket, version, entry, maxIdleMs: Number(maxIdleMs) })
process.exit() // its threads would keep it alive
