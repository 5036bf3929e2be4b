import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { anchors } from './support/links.ts'
import { violations } from './support/rules.ts'

const root = join(import.meta.dirname, '..')
const folders = [
  'plugins',
  'ipam',
  'commands',
  'flanneld',
  'resident',
  'lib',
  'scripts',
  'test',
  'conf',
  'docs',
]

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

t.test('package.json names exact versions', async (t) => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const all = { ...dependencies, ...devDependencies, ...optionalDependencies }
  for (const [name, version] of Object.entries(all)) t.match(version, /^\d+\.\d+\.\d+$/, name)
})

// npm leaves out what a registry does not have; newer ones then refuse to install anything.
t.test('package-lock.json has all that its packages name, and no addresses', async (t) => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>
  }
  const present = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)))
  for (const [path, { resolved, dependencies, optionalDependencies }] of Object.entries(packages)) {
    const wanted = Object.keys({ ...dependencies, ...optionalDependencies })
    const missing = wanted.filter((name) => !present.has(name))
    if (missing.length > 0 || resolved !== undefined) t.fail(path, { missing, resolved })
  }
})

interface Locked {
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const loaded = 'a module that other files may load (loadedBy in test/support/rules.ts)'
const layers = 'a layer knows only those below it (test/support/layers.ts)'
const undeclared = 'a package that package.json does not declare for this folder'
const tests = 'scripts do not import tests; what both need is in scripts/lab'
const unknown = 'it names a file that this repository does not have'
const nowhere = 'it leads to a file or section that this repository does not have'
const elsewhere = 'it names a place on the machine of its author'

const bad: [path: string, line: string, message: string][] = [
  ['ipam/host-local/x.ts', "const { fork } = getBuiltinModule('node:child_process')", loaded],
  ['lib/base/exec.ts', "const { fork } = getBuiltinModule('cluster')", loaded],
  ['resident/x.ts', "  return getBuiltinModule('node:worker_threads').parentPort", loaded],
  ['flanneld/x.ts', "const { Worker } = getBuiltinModule('node:worker_threads')", loaded],
  ['lib/net/x.ts', "const { dlopen } = require('node:ffi')", loaded],
  ['plugins/bridge/x.ts', "import { add } from '../flannel/index.ts'", layers],
  ['plugins/bridge/x.ts', "import { add } from '../../ipam/host-local/range.ts'", layers],
  ['plugins/bridge/x.ts', "import { plugins } from '../plugin-set.ts'", layers],
  ['plugins/bridge/x.ts', "import { socket } from '../../resident/listen.ts'", layers],
  ['ipam/host-local/x.ts', "import type { B } from '../../plugins/bridge/conf.ts'", layers],
  ['plugins/portmap/x.ts', "import { ps } from '../../commands/ps/index.ts'", layers],
  ['resident/x.ts', "import { bridge } from '../plugins/bridge/index.ts'", layers],
  ['commands/x.ts', "import { run } from '../scripts/lab/run.ts'", layers],
  ['lib/cni/x.ts', "import { bridge } from '../../plugins/bridge/index.ts'", layers],
  ['lib/cni/x.ts', "} from '../libcni/runtime.ts'", layers],
  ['lib/cni/x.ts', "export * from '../libcni/runtime.ts'", layers],
  ['lib/cni/x.ts', "  const { a } = await import('../libcni/runtime.ts')", layers],
  ['lib/flannel/x.ts', "import { CniError } from '../cni/errors.ts'", layers],
  ['lib/firewall/x.ts', "import { parseSubnetEnv } from '../flannel/subnet-env.ts'", layers],
  ['lib/net/x.ts', "import { nft } from '../firewall/nft.ts'", layers],
  ['lib/netlink/x.ts', "import type { Link } from '../net/link.ts'", layers],
  ['lib/ip/x.ts', "import { encode } from '../netlink/struct.ts'", layers],
  ['lib/linux/x.ts', "import { parseIp } from '../ip/ip.ts'", layers],
  ['lib/base/x.ts', "import { errnoText } from '../linux/libc.ts'", layers],
  ['lib/x.ts', "import t from 'tap'", undeclared],
  ['scripts/x.ts', "import { inject } from 'postject'", undeclared],
  ['test/x.ts', "import '@grpc/nothing/src'", undeclared],
  ['scripts/x.ts', "import { makeCluster } from '../test/support/cluster.ts'", tests],
  ['scripts/lab/x.ts', "const { sizes } = await import('../../test/faults/sizes.ts')", tests],
  ['lib/x.ts', `// see ${'notes'}.md`, unknown],
  ['lib/x.ts', `x() // as in ${'old'}.md`, unknown],
  ['README.md', `the code is in lib/${'nowhere'}.ts`, unknown],
  ['README.md', '[how](#no-such-section)', nowhere],
  ['README.md', '<img src="docs/nothing.svg">', nowhere],
  ['lib/x.ts', `const path = '/${'home'}/me/x'`, elsewhere],
]

t.test('a file that breaks a rule is found', async (t) => {
  for (const [path, line, message] of bad) {
    t.strictSame(violations(path, `// first\n${line}\n`), [`${path}:2: ${message}`])
  }
  t.strictSame(violations('README.md', 'x\n'.repeat(151)), ['README.md: 151 lines, at most 150'])
})

const good: [path: string, line: string][] = [
  ['scripts/x.ts', "const { spawn } = getBuiltinModule('node:child_process')"],
  ['scripts/bench/x.ts', "import { run } from '../lab/run.ts'"],
  ['test/netns/x.test.ts', "import { run } from '../../scripts/lab/run.ts'"],
  ['lib/base/exec.ts', "const { spawnSync } = getBuiltinModule('node:child_process')"],
  ['flanneld/rules/thread.ts', "const { Worker } = getBuiltinModule('node:worker_threads')"],
  ['lib/x.ts', "const { createHash } = getBuiltinModule('node:crypto')"],
  ['plugins/bridge/x.ts', "import { a } from './conf.ts'"],
  ['commands/ps/x.ts', "import { parseMapping } from '../../portmap/mapping.ts'"],
  ['plugins/bridge/x.ts', "import { a } from '../../lib/cni/errors.ts'"],
  ['lib/netlink/x.ts', "import { family } from '../ip/ip.ts'"],
  ['lib/x.ts', "import { IPv4 } from 'ip-num'"],
  ['scripts/x.ts', "import { sea } from '@yao-pkg/pkg/lib-es5/sea.js'"],
  ['README.md', 'see lib/cni/plugin.ts and README.md'],
  ['README.md', '[a page](https://example.org/nothing#here), [the licence](LICENSE)'],
  ['lib/x.ts', "const path = 'lib/nowhere.ts'"],
]

t.test('a file that keeps them is not', async (t) => {
  for (const [path, line] of good) t.strictSame(violations(path, line), [], line)
  t.strictSame(violations('README.md', 'x\n'.repeat(150)), [])
})

t.test('the anchor of a heading is the one that GitHub makes', async (t) => {
  const page = '# The `cni` command\n```\n# no heading\n```\n## `"cni0" has: /x_y/`, & more\n'
  t.strictSame(anchors(page), ['the-cni-command', 'cni0-has-x_y--more'])
})
