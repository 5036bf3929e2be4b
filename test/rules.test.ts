import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { violations } from './support/rules.ts'

const root = join(import.meta.dirname, '..')
const folders = ['plugins', 'ipam', 'commands', 'resident', 'lib', 'scripts', 'test', 'conf']

t.test('every file keeps the rules', async (t) => {
  const files = globSync(['*.{md,ts,json}', 'Makefile', `{${folders.join()}}/**/*`], {
    cwd: root,
    withFileTypes: true,
    exclude: ({ name }) => name === 'package-lock.json',
  })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  t.ok(files.length > 100, `${files.length} files`)
  for (const file of files) {
    t.strictSame(violations(file, readFileSync(join(root, file), 'utf8')), [], file)
  }
})

const host = 'the process and the console belong to the hosts'
const child = 'child processes are started by lib/base/exec.ts alone'
const thread = 'threads are started by resident/thread.ts alone'
const native = 'native code is called by lib/linux/libc.ts alone'
const layers = 'a layer knows only those below it (test/support/layers.ts)'
const codec = 'codecs do no I/O'
const unknown = 'it names a file that this repository does not have'
const elsewhere = 'it names a place on the machine of its author'

const bad: [path: string, line: string, message: string][] = [
  ['lib/x.ts', 'const home = process.env', host],
  ['lib/x.ts', "if (x) return console.log('x')", host],
  ['lib/x.ts', 'const text = `${process.pid}`', host],
  ['lib/x.ts', "process['exit'](1)", host],
  ['lib/x.ts', 'globalThis.process.exit()', host],
  ['plugins/bridge/x.ts', "import { env } from 'node:process'", host],
  ['plugins/bridge/x.ts', "import { spawnSync } from 'node:child_process'", child],
  ['ipam/host-local/x.ts', "const { fork } = getBuiltinModule('node:child_process')", child],
  ['lib/x.ts', "import { Worker } from 'node:worker_threads'", thread],
  ['lib/net/x.ts', "import { dlopen } from 'node:ffi'", native],
  ['plugins/bridge/x.ts', "import { add } from '../flannel/index.ts'", layers],
  ['plugins/bridge/x.ts', "import { add } from '../../ipam/host-local/range.ts'", layers],
  ['plugins/bridge/x.ts', "import { plugins } from '../plugin-set.ts'", layers],
  ['plugins/bridge/x.ts', "import { socket } from '../../resident/listen.ts'", layers],
  ['ipam/host-local/x.ts', "import type { B } from '../../plugins/bridge/conf.ts'", layers],
  ['plugins/portmap/x.ts', "import { ps } from '../../commands/ps/index.ts'", layers],
  ['resident/x.ts', "import { bridge } from '../plugins/bridge/index.ts'", layers],
  ['commands/x.ts', "import { run } from '../test/support/run.ts'", layers],
  ['lib/cni/x.ts', "import { bridge } from '../../plugins/bridge/index.ts'", layers],
  ['lib/cni/x.ts', "} from '../libcni/runtime.ts'", layers],
  ['lib/flannel/x.ts', "import { CniError } from '../cni/errors.ts'", layers],
  ['lib/firewall/x.ts', "import { parseSubnetEnv } from '../flannel/subnet-env.ts'", layers],
  ['lib/net/x.ts', "import { nft } from '../firewall/nft.ts'", layers],
  ['lib/netlink/x.ts', "import type { Link } from '../net/link.ts'", layers],
  ['lib/ip/x.ts', "import { encode } from '../netlink/struct.ts'", layers],
  ['lib/linux/x.ts', "import { parseIp } from '../ip/ip.ts'", layers],
  ['lib/base/x.ts', "import { errnoText } from '../linux/libc.ts'", layers],
  ['lib/netlink/x.ts', "import { readFileSync } from 'node:fs'", codec],
  ['lib/netlink/x.ts', "import { socket } from '../linux/libc.ts'", codec],
  ['lib/netlink/x.ts', "import { Connection } from './connection.ts'", codec],
  ['lib/x.ts', `// see ${'notes'}.md`, unknown],
  ['lib/x.ts', `x() // as in ${'old'}.md`, unknown],
  ['README.md', `the code is in lib/${'nowhere'}.ts`, unknown],
  ['lib/x.ts', `const path = '/${'home'}/me/x'`, elsewhere],
]

t.test('a file that breaks a rule is found', async (t) => {
  for (const [path, line, message] of bad) {
    t.strictSame(violations(path, `// first\n${line}\n`), [`${path}:2: ${message}`])
  }
  t.strictSame(violations('lib/x.ts', 'x\n'.repeat(301)), ['lib/x.ts: 301 lines, at most 300'])
})

const good: [path: string, line: string][] = [
  ['lib/cni/host-process.ts', 'const { env } = process as unknown'],
  ['plugins/main.ts', 'process.exit()'],
  ['scripts/x.ts', "import { spawn } from 'node:child_process'; console.log(process.argv)"],
  ['lib/base/exec.ts', "const { spawnSync } = getBuiltinModule('node:child_process')"],
  ['lib/x.ts', "import { getBuiltinModule } from 'node:process'"],
  ['lib/x.ts', "const text = 'the process. It ends' // a process.env of its own"],
  ['lib/x.ts', ' * Ends the process. The console. Everything.'],
  ['lib/x.ts', 'const x = child.process.env + subprocess.pid'],
  ['plugins/bridge/x.ts', "import { a } from './conf.ts'"],
  ['commands/ps/x.ts', "import { parseMapping } from '../../portmap/mapping.ts'"],
  ['plugins/bridge/x.ts', "import { a } from '../../lib/cni/errors.ts'"],
  ['lib/netlink/x.ts', "import { family } from '../ip/ip.ts'"],
  ['README.md', 'see lib/cni/plugin.ts and README.md'],
  ['lib/x.ts', "const path = 'lib/nowhere.ts'"],
]

t.test('a file that keeps them is not', async (t) => {
  for (const [path, line] of good) t.strictSame(violations(path, line), [], line)
  t.strictSame(violations('lib/x.ts', 'x\n'.repeat(300)), [])
})
