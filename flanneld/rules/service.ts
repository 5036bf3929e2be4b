/** What the thread of the rules does: it sets them as it is told, and then looks after them. */
import { toDetailed } from '../../lib/base/errors.ts'
import { Tools } from '../../lib/firewall/node-tool.ts'
import { decodeSpec, type ThreadMessage, type ThreadOrder } from './protocol.ts'
import type { RulesThread } from './thread.ts'
import { RulesUpkeep } from './upkeep.ts'

/** After so many checks in a row that found nothing changed the thread has nothing to do. */
const maxIdleChecks = 2

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
  let idleChecks = 0
  port.on('message', (order: ThreadOrder) => {
    idleChecks = 0
    say(answer(upkeep, order))
  })
  setInterval(() => {
    const generation = upkeep.check()
    idleChecks = generation === undefined ? 0 : idleChecks + 1
    if (generation !== undefined && idleChecks === maxIdleChecks) say({ say: 'idle', generation })
  }, settings.resyncMs)
}

function answer(upkeep: RulesUpkeep, { order, spec }: ThreadOrder): ThreadMessage {
  try {
    upkeep[order](decodeSpec(spec))
    return { say: 'set' }
  } catch (error) {
    const { message, details } = toDetailed(error)
    return { say: 'refused', message, details }
  }
}
