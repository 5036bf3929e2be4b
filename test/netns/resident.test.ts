/** The resident server with the packaged executables: whose calls it serves, and how it stops. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { version } from '../../lib/base/version.ts'
import { binDir, frontSkip } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { inside, run } from '../../scripts/lab/run.ts'
import { startUntil } from '../support/container.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { subnetEnv } from '../support/flannel.ts'
import { link } from '../support/ip.ts'
import { callPlugin } from '../support/plugin-call.ts'
import { asNobody, makePublicFolder } from '../support/public-folder.ts'
import { startResident } from '../support/resident.ts'

const options = { skip: kernelSkip() || frontSkip() }

/** A node with the network of flannel in `parent`, whose calls go to the server at `socket`. */
function setUp(t: Test, path?: string, parent?: string) {
  const node = makeNode(t, parent)
  const socket = path ?? join(node.dir, 'resident/cni.sock')
  const network = makeFlannelNetwork(node, subnetEnv)
  const via = { env: { FLANNEL_CNI_SOCKET: socket } }
  const pod = node.pod()
  /** A pod's life, in ms; throws when something goes wrong in it. */
  const live = async () => {
    const started = performance.now()
    const prevResult = await network.attach(pod, {}, via)
    await network.silent('CHECK', pod, { prevResult }, via)
    await network.silent('DEL', pod, { prevResult }, via)
    return performance.now() - started
  }
  return { node, socket, network, via, pod, live }
}

t.test('serves what it is asked', options, async (t) => {
  const { node, network, via, pod, live } = setUp(t)
  const server = await startResident(t, node)
  t.equal(statSync(server.socket).mode & 0o777, 0o600)
  t.equal(statSync(join(server.socket, '..')).mode & 0o777, 0o700)
  await live()
  const failed = await network.call('ADD', pod, { delegate: { mtu: 'large' } }, via)
  t.match(failed, { code: 1, stderr: '', json: { code: 7 } })
  const logged = await network.call(
    'STATUS',
    pod,
    {},
    { env: { ...via.env, CNI_LOG_LEVEL: 'debug' } },
  )
  t.match(logged, { code: 0, stdout: '' })
  t.equal(await server.stop(), 0)
  t.match(server.said(), 'stopped: 5 calls served, 0 declined, 0 lost')
  t.notOk(existsSync(server.socket))
})

t.test('serves a caller where it stands', options, async (t) => {
  const { node, via } = setUp(t)
  const server = await startResident(t, node)
  mkdirSync(join(node.dir, 'here'))
  const conf = {
    cniVersion: '1.1.0',
    name: 'net1',
    type: 'x',
    ipam: { type: 'host-local', dataDir: 'state', ranges: [[{ subnet: '10.1.0.0/24' }]] },
  }
  const call = { command: 'ADD', containerId: 'c1', netns: '/n', ifName: 'eth0', conf, ...via }
  const argv = (executable: string) => [
    'sh',
    '-c',
    'cd "$1"; exec "$2"',
    'sh',
    join(node.dir, 'here'),
    executable,
  ]
  const { code, stdout } = await callPlugin(node, 'host-local', { ...call, argv })
  t.equal(code, 0, stdout)
  t.ok(existsSync(join(node.dir, 'here/state/net1/10.1.0.2')))
  t.equal(await server.stop(), 0)
  t.match(server.said(), 'stopped: 1 calls served')
})

t.test('a caller of other namespaces is served where it is', options, async (t) => {
  const { socket, live } = setUp(t)
  const elsewhere = makeNode(t)
  const server = await startResident(t, elsewhere, { socket })
  await live()
  t.equal(link(elsewhere, 'cni0'), undefined, 'nothing happened where the server is')
  t.equal(await server.stop(), 0)
  t.match(server.said(), 'is of another net namespace')
  t.match(server.said(), 'stopped: 0 calls served, 3 declined, 0 lost')

  const { node, network, pod, via } = setUp(t)
  const own = await startResident(t, node)
  const argv = (executable: string) => ['unshare', '--mount', executable]
  await network.attach(pod, {}, { ...via, argv })
  await network.silent('DEL', pod, {}, { ...via, argv })
  t.equal(await own.stop(), 0)
  t.match(own.said(), 'is of another mnt namespace')
  t.match(own.said(), 'stopped: 0 calls served, 2 declined, 0 lost')
})

/** Sends each of its arguments as a call, and prints what comes behind the greeting. */
const client = `
const { once } = require('node:events')
const { text } = require('node:stream/consumers')
const [socket, ...calls] = process.argv.slice(1)
const main = async () => {
  for (const call of calls) {
    const connection = require('node:net').connect(socket)
    const [greeting] = await once(connection, 'data')
    connection.end(JSON.parse(call))
    console.log(await text(connection))
  }
}
main()`

t.test('every call that is declined is counted, and no other connection', options, async (t) => {
  const { node } = setUp(t)
  const server = await startResident(t, node)
  const head = 'loopback\0CNI_COMMAND=STATUS\0CNI_PATH=/\0\0'
  const send = (...calls: string[]) =>
    run(
      inside(node.netns, [
        process.execPath,
        '-e',
        client,
        server.socket,
        ...calls.map((call) => JSON.stringify(call)),
      ]),
    )
  const cut = await send(`${head}{"name`, head.slice(0, -1), 'x')
  t.match(cut, { stdout: 'declined\n\n'.repeat(3), stderr: '' })
  const unknown = await send(head.replace('loopback', 'unknown') + '\0')
  t.match(unknown, { stdout: 'declined\n\n', stderr: '' })
  const conf = '{"cniVersion": "1.1.0", "name": "net1", "type": "loopback"}'
  const whole = await send('', `${head}${conf}\0`)
  t.match(whole, { stdout: /^declined\n\n0 0 0\n/, stderr: '' })
  t.equal(await server.stop(), 0)
  t.match(server.said(), 'stopped: 1 calls served, 4 declined, 0 lost')
})

t.test('a call that is too large for the server is declined', options, async (t) => {
  const { node, network, pod, via } = setUp(t)
  const server = await startResident(t, node)
  await network.attach(pod, { args: 'x'.repeat(2 ** 20) }, via)
  await network.silent('DEL', pod, {}, via)
  t.equal(await server.stop(), 0)
  t.match(server.said(), 'stopped: 1 calls served, 1 declined, 0 lost')
})

/** What runs a script of Node, which is in the folder, as another user than root. */
function scriptOfNobody(folder: string, script: string, ...args: readonly string[]): string[] {
  return asNobody([join(folder, basename(process.execPath)), '-e', script, ...args])
}

t.test('only root is served', options, async (t) => {
  const folder = makePublicFolder(t, [process.execPath])
  const { node, socket } = setUp(t, undefined, folder)
  const server = await startResident(t, node)
  chmodSync(node.dir, 0o755)
  chmodSync(join(socket, '..'), 0o755)
  chmodSync(socket, 0o666)
  const script =
    'const s = require("net").connect(process.argv[1]); s.on("data", (d) => console.log(String(d)))'
  const { stdout, stderr } = await run(inside(node.netns, scriptOfNobody(folder, script, socket)))
  t.strictSame([stdout.trim(), stderr], ['declined', ''])
  t.match(server.said(), 'belongs to user 65534; only root is served')
  t.equal(await server.stop(), 0)
  t.match(server.said(), 'stopped: 0 calls served, 1 declined, 0 lost')
})

t.test('no server, and servers that are of no use', options, async (t) => {
  const none = setUp(t)
  await none.live()

  const dead = setUp(t)
  const killed = await startResident(t, dead.node)
  await killed.kill()
  await dead.live()
  t.ok(existsSync(dead.socket), 'it has left its socket')
  const next = await startResident(t, dead.node)
  await dead.live()
  t.equal(await next.stop(), 0)
  t.match(next.said(), 'stopped: 3 calls served')

  const other = setUp(t)
  mkdirSync(join(other.socket, '..'))
  const received: string[] = []
  const imposter = createServer((socket) => {
    socket.on('data', (data) => received.push(String(data)))
    socket.on('error', () => {})
    socket.write('flannel-ts v99.0.0\n')
  }).listen(other.socket)
  t.teardown(() => imposter.close())
  await other.live()
  t.strictSame(received, [], 'another version is told nothing')
})

t.test('a server that is not of root is told nothing', options, async (t) => {
  const folder = makePublicFolder(t, [process.execPath])
  const { node, socket, live } = setUp(t, undefined, folder)
  chmodSync(node.dir, 0o755)
  mkdirSync(join(socket, '..'))
  chmodSync(join(socket, '..'), 0o777)
  const script = `
    const server = require('net').createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', () => process.exit(1))
      socket.write(process.argv[2] + '\\n')
    }).listen(process.argv[1], () => console.log('listens'))`
  const greeting = `flannel-ts v${version}`
  const [program = '', ...args] = scriptOfNobody(folder, script, socket, greeting)
  const imposter = spawn(program, args)
  t.teardown(() => imposter.kill('SIGKILL'))
  const ended = once(imposter, 'exit').then(([code]) => `it has ended with ${code}`)
  t.equal(await Promise.race([once(imposter.stdout, 'data').then(String), ended]), 'listens\n')
  await live()
  t.equal(imposter.exitCode, null, 'it has heard nothing')
})

t.test('a server that stands still costs a call no more than 50 ms', options, async (t) => {
  const { node, live } = setUp(t)
  await live()
  const alone = await live()
  const server = await startResident(t, node)
  server.process.kill('SIGSTOP')
  const stopped = await live()
  server.process.kill('SIGCONT')
  t.ok(stopped < 3 * (alone + 50) + 1000, `${stopped} ms, ${alone} ms without a server`)
  t.equal(await server.stop(), 0)
})

t.test('a server listens where fronts look for it', options, async (t) => {
  const { node, socket, via, live } = setUp(t)
  const argv = (...args: string[]) => inside(node.netns, [join(binDir(), 'cni'), ...args])
  const variable = `FLANNEL_CNI_SOCKET=${socket}`
  const server = await startUntil(t, ['env', variable, ...argv('serve')], 'listens on')
  await live()
  const version = await run(argv('version'), via)
  t.match(version.stdout, `resident server: of this version on ${socket}\n`)
  server.child.kill('SIGTERM')
  await server.closed
  t.match(server.said(), 'stopped: 3 calls served, 0 declined, 0 lost')
})

t.test('a server refuses to start where it could be of no use', options, async (t) => {
  const { node, socket } = setUp(t)
  const serve = (...args: string[]) =>
    run(inside(node.netns, [join(binDir(), 'cni'), 'serve', ...args]), {
      env: { FLANNEL_CNI_SOCKET: '' },
    })
  const server = await startResident(t, node)
  t.match(await serve('--socket', socket), {
    code: 1,
    stderr: `a server answers on ${socket} already`,
  })
  mkdirSync(join(node.dir, 'open'))
  chmodSync(join(node.dir, 'open'), 0o777)
  const open = await serve('--socket', join(node.dir, 'open/cni.sock'))
  t.match(open, { code: 1, stderr: /has mode 777\n.*want a folder of root, mode 700/ })
  writeFileSync(join(node.dir, 'file'), '')
  t.match(await serve('--socket', join(node.dir, 'file/cni.sock')), {
    code: 1,
    stderr: /not a directory/,
  })
  const long = join(node.dir, 'x'.repeat(100), 'cni.sock')
  t.match(await serve('--socket', long), { code: 1, stderr: /bytes, and the path of a socket at/ })
  t.match(await serve(), {
    code: 1,
    stderr: /FLANNEL_CNI_SOCKET is empty.*\n.*unset FLANNEL_CNI_SOCKET .* --socket PATH/,
  })
  t.match(await serve('--socket', ''), { code: 2, stderr: /--socket needs a value/ })
  t.equal(await server.stop(), 0)
})
