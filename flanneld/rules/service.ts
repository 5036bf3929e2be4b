/** What the thread of the rules does: it sets them as it is told, and then looks after them. */
import { toDetailed } from '../../lib/base/errors.ts'
import { Tools } from '../../lib/firewall/node-tool.ts'
import { decodeSpec, type SpecMessage, type ThreadMessage } from './protocol.ts'
import type { RulesThread } from './thread.ts'
import { RulesUpkeep } from './upkeep.ts'

/** Serves the thread that calls it, for as long as that lives. */
export function serveRules({ port, settings }: RulesThread): void {
  const say = (message: ThreadMessage) => port.postMessage(message)
  const log = {
    warn: (text: string) => say({ say: 'warn', text }),
    debug: (text: string) => say({ say: 'debug', text }),
  }
  const upkeep = new RulesUpkeep(new Tools(settings.searchPath), log, {
    repaired: (kind) => say({ say: 'repaired', kind }),
    failed: (operation, text) => say({ say: 'failed', operation, text }),
  })
  port.on('message', (message: SpecMessage) => say(answer(upkeep, message)))
  setInterval(() => upkeep.check(), settings.resyncMs)
}

function answer(upkeep: RulesUpkeep, message: SpecMessage): ThreadMessage {
  try {
    upkeep.set(decodeSpec(message))
    return { say: 'set' }
  } catch (error) {
    const { message, details } = toDetailed(error)
    return { say: 'refused', message, details }
  }
}
