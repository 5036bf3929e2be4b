/**
 * Here begins a call of a plugin, such as an ADD: the entry of the executable under the name of a
 * plugin, which says what it is. From here a call goes by `lib/cni/dispatch.ts`, which reads and
 * checks it, to the plugin's own `index.ts`. From source that is `node plugins/main.ts bridge`. Where
 * `cni serve` runs, the front passes the call to `resident/worker.ts`, and the same dispatch follows.
 * What a person types as `cni` begins in `commands/main.ts`.
 */
import { basename } from 'node:path'
import { exitNow, runProcess } from '../lib/cni/host-process.ts'
import { writeAll } from '../lib/linux/stdio.ts'
import { executableNames, plugins } from './plugin-set.ts'

const isSource = basename(process.argv[1] ?? '') === 'main.ts'
const name = isSource ? process.argv[2] : basename(process.argv0)

const plugin = plugins.find((candidate) => candidate.name === name)
if (plugin !== undefined) runProcess(plugin, plugins)
const expected = executableNames.join(', ')
writeAll(2, `this executable is ${expected}, by the name it is called by; not ${name}\n`)
exitNow(1)
