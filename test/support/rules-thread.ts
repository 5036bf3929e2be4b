/** The entry of a thread that keeps rules, as that of the agent is one. */
import { serveRules } from '../../flanneld/rules/service.ts'
import { thisRulesThread } from '../../flanneld/rules/thread.ts'

const thread = thisRulesThread()
if (thread === undefined) throw new Error('this is the entry of a thread')
serveRules(thread)
