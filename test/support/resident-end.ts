/** A resident server from source, whose threads end when they are idle for a while: `SOCKET MS`. */
import { join } from 'node:path'
import { runServer } from '../../lib/resident/host-server.ts'
import { version } from '../../lib/version.ts'

const [socket = '', maxIdleMs = ''] = process.argv.slice(2)
const entry = join(import.meta.dirname, '../../plugins/cni/main.ts')
await runServer({ socket, version, entry, maxIdleMs: Number(maxIdleMs) })
process.exit() // its threads would keep it alive
