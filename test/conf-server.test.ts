/** The configurations that start the resident server: by systemd, and by a DaemonSet. */
import { copyFileSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { parseCommandLine } from '../commands/args.ts'
import { version } from '../lib/base/version.ts'
import { defaultSocket } from '../resident/protocol.ts'
import { binDir, frontSkip } from '../scripts/lab/executables.ts'
import { kernelSkip, makeNode } from '../scripts/lab/node.ts'
import { missingProgram, run } from '../scripts/lab/run.ts'
import { childOf, startInit, startUntil } from './support/container.ts'
import { installPlugins, makeInstalledNode } from './support/installed-node.ts'
import { globalCidrs } from './support/ip.ts'

const conf = join(import.meta.dirname, '../conf')
const unitFile = join(conf, 'flannel-cni.service')
const unit = readFileSync(unitFile, 'utf8')
const manifest = parse(readFileSync(join(conf, 'flannel-cni-server.yaml'), 'utf8'))
const { spec } = manifest.spec.template
const [install] = spec.initContainers
const [serve] = spec.containers

/** A call at work may take so many seconds: a delegate that hangs is killed then. */
const callTimeout = 90

/** The value of a setting of the unit; undefined when it is not there. */
function setting(name: string): string | undefined {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]
}

t.test('the unit starts the server, where fronts look for it', async (t) => {
  const [program, ...args] = setting('ExecStart')?.split(' ') ?? []
  t.equal(program, '/opt/cni/bin/cni')
  t.equal(setting('ConditionFileIsExecutable'), program)
  t.strictSame(parseCommandLine(args), { verb: 'serve' })
  t.equal(`/run/${setting('RuntimeDirectory')}`, dirname(defaultSocket))
  t.equal(setting('RuntimeDirectoryMode'), '0700')
  t.ok(Number(setting('TimeoutStopSec')) > callTimeout)
})

t.test('the unit leaves the server in the namespaces of the node', async (t) => {
  const settings = unit.split('\n').filter((line) => !line.startsWith('#'))
  const moves =
    /^(Private|Protect|RootDirectory|RootImage|ReadOnly|ReadWrite|Inaccessible|Exec|NoExec|Bind|Temporary|Mount|Network|DynamicUser|User|Group|RestrictNamespaces|MemoryDeny|CapabilityB)/
  t.strictSame(
    settings.filter((line) => moves.test(line)),
    ['ExecStart=/opt/cni/bin/cni serve'],
  )
})

const noSystemd = missingProgram('systemd-analyze')
t.test('systemd understands the unit', { skip: kernelSkip() || noSystemd }, async (t) => {
  const node = makeInstalledNode(t, installPlugins(t))
  const { code, stderr } = await node.run('systemd-analyze', 'verify', unitFile)
  t.equal(code, 0, stderr)
  t.notMatch(stderr, 'flannel-cni')
})

t.test('the manifest names what there is', async (t) => {
  t.match(manifest, { apiVersion: 'apps/v1', kind: 'DaemonSet' })
  const { selector, template } = manifest.spec
  t.strictSame(selector.matchLabels, template.metadata.labels)
  const update = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } }
  t.strictSame(manifest.spec.updateStrategy, update, 'nothing that old API servers refuse')
  for (const { image } of [install, serve]) t.match(image, new RegExp(`/flannel-ts:${version}$`))
  for (const { name } of install.volumeMounts) {
    t.ok(spec.volumes.some((volume: { name: string }) => volume.name === name))
  }
  t.match(spec, { hostNetwork: true, hostPID: true, priorityClassName: 'system-node-critical' })
  t.strictSame(spec.tolerations, [{ operator: 'Exists' }])
  t.ok(spec.terminationGracePeriodSeconds > callTimeout)
  t.equal(serve.securityContext.privileged, true)
})

/** Where the volumes of the init container lead, from the node's folders. */
function mounts(): Record<string, string> {
  const pairs = install.volumeMounts.map((mount: { name: string; mountPath: string }) => {
    const { hostPath } = spec.volumes.find(({ name }: { name: string }) => name === mount.name)
    return [hostPath.path, mount.mountPath]
  })
  return Object.fromEntries(pairs)
}

const skip = kernelSkip() || frontSkip()
t.test('its containers install the plugins, and serve the pods of a node', { skip }, async (t) => {
  const machine = makeNode(t)
  const pod = machine.pod() // the node sees the namespaces that are there when it starts
  const node = await startInit(t, machine)
  copyFileSync(join(conf, 'subnet.env'), join(node.dir, 'run/flannel/subnet.env'))
  const image = t.testdir()
  copyFileSync(join(binDir(), 'cni'), join(image, basename(install.command[0])))

  const installed = await run(node.container(image, mounts(), install.command))
  t.equal(installed.code, 0, installed.stderr)
  t.match(installed.stdout, 'verified: ')

  const argv = node.container(image, {}, serve.command)
  const server = await startUntil(t, argv, 'listens on')
  t.match(server.said(), `listens on ${defaultSocket}`)
  for (const verb of ['add', 'del']) {
    const command = ['/opt/cni/bin/cni', verb, 'cbr0', pod.netns]
    const { code, stdout, stderr } = await run(node.beside(command))
    t.equal(code, 0, stdout + stderr)
    t.same(globalCidrs(pod, 'eth0'), verb === 'add' ? ['10.244.1.2/24'] : [])
  }
  process.kill(childOf(server.child), 'SIGTERM')
  t.strictSame(await server.closed, [0, null])
  t.match(server.said(), 'stopped: 4 calls served, 0 declined, 0 lost', 'flannel and portmap')
})
