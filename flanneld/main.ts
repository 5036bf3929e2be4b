/**
 * Here begins the node agent: the entry of the executable under the name `flanneld`, in its first
 * thread and in that of its packet-filter rules. From source that is `node flanneld/main.ts`.
 */
import { serveRules } from './rules/service.ts'
import { thisRulesThread } from './rules/thread.ts'

const thread = thisRulesThread()
if (thread !== undefined) serveRules(thread)
// Loaded by the first thread alone: it is most of the program.
else void import('./process.ts').then(({ runProcess }) => runProcess())
