/** The `cni` command of another user than root: each verb says what it cannot do, and the remedy. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { run, runSync } from '../../scripts/lab/run.ts'
import { installPlugins, makeInstalledNode } from '../support/installed-node.ts'
import { asNobody, makePublicFolder } from '../support/public-folder.ts'

const options = { skip: kernelSkip() }
const asRoot = 'run this as root: this is user 65534'

t.test('every verb', options, async (t) => {
  const node = makeInstalledNode(t, installPlugins(t))
  const pod = node.pod()
  t.equal((await node.attach(pod, 'web')).code, 0)
  const cni = (...args: string[]) => node.run(...asNobody(['/opt/cni/bin/cni', ...args]))
  const refused = [
    ['add', 'cbr0', node.pod().netns],
    ['check', 'cbr0', pod.netns],
    ['del', 'cbr0', pod.netns],
    ['gc', 'cbr0'],
    ['status', 'cbr0'],
    ['install'],
    ['uninstall'],
    ['serve'],
  ]
  for (const argv of refused) {
    const { code, stdout, stderr } = await cni(...argv)
    t.strictSame([code, stdout], [1, ''], argv.join(' '))
    t.match(stderr, `cni ${argv[0]}`)
    t.match(stderr, asRoot)
    t.match(stderr, /code: (?:5 \(input or output failed|50 \(the plugin is not available)\)\n$/)
  }
  const list = await cni('ps')
  t.match(list, {
    code: 0,
    stderr: `cni ps: warning: what runtimes keep, and what is wrong in pods`,
  })
  t.match(list.stderr, asRoot)
  t.match(await cni('uninstall', '--dry-run'), { code: 1, stderr: asRoot })
  runSync(['mkdir', '-m', '700', node.at('run/flannel-cni')])
  t.match(await cni('version'), {
    code: 0,
    stdout: /^resident server: only root may ask the one on \/run\/flannel-cni\/cni\.sock, /m,
    stderr: '',
  })
  t.equal((await node.cni('check', 'cbr0', pod.netns)).code, 0, 'nothing was removed')
})

t.test('in a folder that only root enters', options, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-`))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const clone = join(folder, 'clone')
  mkdirSync(clone, { mode: 0o755 })
  const executable = join(clone, 'cni')
  runSync(['cp', join(binDir(), 'cni'), executable])
  const shared = makePublicFolder(t, [join(binDir(), 'cni')])
  const folders = ['--bin-dir', join(clone, 'bin'), '--conf-dir', join(clone, 'net.d')]
  const from = (program: string) => run(asNobody([program, 'install', ...folders]), { cwd: clone })
  const denied = { code: 1, stdout: '' }
  const own = await from('./cni') // which is in sight from here, and not by its whole path
  t.match(own, { ...denied, stderr: `cannot read what is to be installed: open ${executable}: ` })
  const other = await from(join(shared, 'cni'))
  t.match(other, { ...denied, stderr: `cannot write in ${join(clone, 'bin')}: ` })
  for (const { stderr } of [own, other]) {
    t.match(stderr, /: permission denied\n/)
    t.match(stderr, `  details: ${asRoot}\n  code: 5 (input or output failed)\n`)
  }
})
