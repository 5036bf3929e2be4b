/** What a front does with its streams when there is a server: the same as a process of its own. */
import { join } from 'node:path'
import t from 'tap'
import { frontSkip } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { run } from '../../scripts/lab/run.ts'
import { callPlugin } from '../support/plugin-call.ts'
import { startResident } from '../support/resident.ts'

const options = { skip: kernelSkip() || frontSkip() }

t.test('does not wait for a stdin that is not read', options, async (t) => {
  const node = makeNode(t)
  const server = await startResident(t, node)
  const via = { env: { FLANNEL_CNI_SOCKET: server.socket } }
  const pipe = join(node.dir, 'pipe')
  await run(['mkfifo', pipe])
  // A pipe that is its own writer has no end.
  const argv = (executable: string) => ['sh', '-c', 'exec "$1" <>"$2"', 'sh', executable, pipe]
  for (const [call, want] of [
    [{ command: 'VERSION' }, { code: 0, json: { cniVersion: '1.1.0' }, stderr: '' }],
    [{ command: 'ADD' }, { code: 1, json: { code: 4 }, stderr: '' }],
    [{ command: '' }, { code: 0, stdout: '', stderr: /^CNI bridge plugin v/ }],
    [{}, { code: 0, stdout: '', stderr: /^CNI bridge plugin v/ }],
  ] as const) {
    const started = performance.now()
    t.match(await callPlugin(node, 'bridge', { ...call, ...via, argv }), want)
    t.ok(performance.now() - started < 5000, `${performance.now() - started} ms`)
  }
  t.equal(await server.stop(), 0)
  t.match(server.said(), 'stopped: 2 calls served, 0 declined, 0 lost')
})

t.test('streams that are closed, with a server and without', options, async (t) => {
  const node = makeNode(t)
  const server = await startResident(t, node)
  const via = { env: { FLANNEL_CNI_SOCKET: server.socket } }
  const conf = { cniVersion: '1.1.0', name: 'net1', type: 'loopback' }
  const { containerId, netns } = node.pod()
  const call = { containerId, netns, ifName: 'lo', conf }
  const streams = ['', '<&-', '>&-', '2>&-', '<&- >&-', '<&- 2>&-', '>&- 2>&-', '<&- >&- 2>&-']
  for (const closed of streams) {
    const argv = (executable: string) => ['sh', '-c', `exec "$1" ${closed}`, 'sh', executable]
    for (const command of ['VERSION', 'ADD']) {
      const served = await callPlugin(node, 'loopback', { ...call, command, ...via, argv })
      t.strictSame(await callPlugin(node, 'loopback', { ...call, command, argv }), served, closed)
      const isRead = command === 'ADD' && closed.includes('<')
      t.equal(served.code, isRead ? 1 : 0, `${command} ${closed}`)
      t.equal(served.stdout === '', closed.split(' ').includes('>&-'), `${command} ${closed}`)
    }
  }
  t.equal(await server.stop(), 0)
  t.match(server.said(), `stopped: ${2 * streams.length} calls served, 0 declined, 0 lost`)
})

t.test('a closed stream, and nothing to take its place', options, async (t) => {
  const script = 'mount -t tmpfs none /dev && exec "$1" <&-'
  const argv = (executable: string) => ['unshare', '--mount', 'sh', '-c', script, 'sh', executable]
  const { code, json } = await callPlugin(makeNode(t), 'loopback', { command: 'VERSION', argv })
  t.equal(code, 1)
  t.match(json, { code: 999, msg: 'open /dev/null: No such file or directory', details: /stdin/ })
})
