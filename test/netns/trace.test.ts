/** CNI_LOG_LEVEL=trace with the packaged executables: its lines, against the wall clock and strace. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { frontSkip } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { missingProgram } from '../../scripts/lab/run.ts'
import { type TraceLine, traceLines } from '../../scripts/lab/trace.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { subnetEnv } from '../support/flannel.ts'
import { messageTypes } from '../support/message-types.ts'
import { startResident } from '../support/resident.ts'
import { straceSkip } from '../support/system-calls.ts'

const options = { skip: kernelSkip() }
const traced = { CNI_LOG_LEVEL: 'trace', FLANNEL_CNI_SOCKET: '' }

/** A node that has the bridge, and a pod on it. */
async function setUp(t: Test) {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  await network.attach(node.pod())
  return { node, network, pod: node.pod() }
}

/** What is random, or given in turn, in a result. */
function general(result: string): string {
  return result
    .replaceAll(/(?:[\da-f]{2}:){5}[\da-f]{2}/g, 'MAC')
    .replace(/10\.244\.1\.\d+\/24/, 'IP')
}

/** Runs the executable between two lines of stderr with the time, in seconds. */
const timed = (executable: string) => [
  ...['bash', '-c', 'echo $EPOCHREALTIME >&2; "$1"; code=$?; echo $EPOCHREALTIME >&2; exit $code'],
  ...['bash', executable],
]

function names(lines: readonly TraceLine[], start: string): string[] {
  return lines.filter(({ name }) => name.startsWith(start)).map(({ name }) => name)
}

t.test('the stages of a call make up most of it', options, async (t) => {
  const { network, pod } = await setUp(t)
  const plain = await network.call('ADD', pod)
  await network.silent('DEL', pod, { prevResult: plain.json })
  for (const [keys, env] of [
    [{}, traced],
    [{ log: 'trace' }, { ...traced, CNI_LOG_LEVEL: 'warn' }],
  ] as const) {
    const added = await network.call('ADD', pod, keys, { env, argv: timed })
    t.equal(added.code, 0)
    const [begun = NaN, ended = NaN] = added.stderr.match(/^\d+\.\d{6}$/gm)?.map(Number) ?? []
    const wallMs = (ended - begun) * 1000
    t.equal(general(added.stdout), general(plain.stdout))
    const lines = traceLines(added.stderr)
    const sum = lines
      .filter(({ depth }) => depth === 0)
      .reduce((total, { tookMs }) => total + tookMs, 0)
    t.ok(sum < wallMs && sum > wallMs / 2, `${sum} of ${wallMs} ms`)
    t.match(lines[0], { name: 'start of Node', beginMs: 0 })
    t.equal(lines.at(-1)?.name, 'writing the result')
    t.strictSame(names(lines, 'ADD of'), ['ADD of bridge', 'ADD of host-local'])
    checkNesting(t, lines)
    const prevResult = added.json
    const deleted = await network.call('DEL', pod, { ...keys, prevResult }, { env })
    t.match(deleted, { code: 0, stdout: /^$/ })
    t.strictSame(names(traceLines(deleted.stderr), 'del'), ['deletion of the link'])
  }
})

/** Checks that a stage lies within the one that it is indented under, but for what rounding does. */
function checkNesting(t: Test, lines: readonly TraceLine[]): void {
  const inner = lines.flatMap((line, index) => {
    const outer = lines.slice(0, index).findLast(({ depth }) => depth < line.depth)
    return outer === undefined ? [] : [{ line, outer }]
  })
  t.ok(inner.length > 0)
  for (const { line, outer } of inner) {
    t.equal(line.depth, outer.depth + 1, line.name)
    t.ok(line.beginMs > outer.beginMs - 0.02, line.name)
    t.ok(line.beginMs + line.tookMs < outer.beginMs + outer.tookMs + 0.02, line.name)
  }
}

/** The beginnings of operations, by the messages that they are sent as. */
const operations: Readonly<Record<string, RegExp>> = {
  RTM_NEWLINK: /^netlink: link (add|set) /,
  RTM_DELLINK: /^netlink: link delete /,
  RTM_GETLINK: /^netlink: link show /,
  RTM_NEWADDR: /^netlink: address add /,
  RTM_GETADDR: /^netlink: address show /,
  RTM_NEWROUTE: /^netlink: route add /,
}

t.test(
  'netlink requests, as strace sees them',
  { skip: options.skip || straceSkip() },
  async (t) => {
    const { node, network, pod } = await setUp(t)
    const file = join(node.dir, 'strace')
    const argv = (executable: string) => [
      ...['strace', '-f', '-qq', '-v', '-s', '200', '-ttt', '-T', '-e', 'trace=sendto,flock'],
      ...['-o', file, executable],
    ]
    const added = await network.call('ADD', pod, {}, { env: traced, argv })
    checkRequests(t, traceLines(added.stderr), readFileSync(file, 'utf8'))
    const prevResult = added.json
    const deleted = await network.call('DEL', pod, { prevResult }, { env: traced, argv })
    checkRequests(t, traceLines(deleted.stderr), readFileSync(file, 'utf8'))
  },
)

/** Checks that each message was sent within the stage with its operation. */
function checkRequests(t: Test, lines: readonly TraceLine[], strace: string): void {
  const sent = [...strace.matchAll(/^\d+ +(\S+) sendto\(.*?nlmsg_type=(\w+)/gm)].map(
    ([, seconds, type = '']) => ({ ms: Number(seconds) * 1000, type: messageTypes[type] ?? type }),
  )
  const stages = lines.filter(({ name }) => name.startsWith('netlink: '))
  t.equal(stages.length, sent.length)
  t.ok(sent.length > 1)
  for (const [index, { type }] of sent.entries()) {
    t.match(stages[index]?.name, operations[type] ?? type)
  }
  // Both clocks tell the same, but for where they begin.
  const latest = stages.map(({ beginMs }, index) => (sent[index]?.ms ?? NaN) - beginMs)
  const earliest = stages.map(({ tookMs }, index) => (latest[index] ?? NaN) - tookMs)
  t.ok(Math.max(...earliest) < Math.min(...latest) + 0.1, 'sent while their stages lasted')
  t.equal(strace.match(/ flock\(/g)?.length, 1)
  t.equal(names(lines, 'working under').length, 1)
}

t.test(
  'a lock that somebody else holds',
  { skip: options.skip || missingProgram('flock') },
  async (t) => {
    const { node, network, pod } = await setUp(t)
    const lock = join(node.dir, 'networks/cbr0/lock')
    const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; read line'])
    const ended = once(holder, 'exit')
    await once(holder.stdout, 'data')
    const call = network.call('ADD', pod, {}, { env: traced })
    await setTimeout(2000) // also a busy machine has started the plugin by then
    holder.stdin.end('\n')
    const { stderr } = await call
    await ended
    const [waiting] = traceLines(stderr).filter(({ name }) => name.startsWith('waiting for a lock'))
    t.ok((waiting?.tookMs ?? 0) > 300 && (waiting?.tookMs ?? 0) < 2500, `${waiting?.tookMs} ms`)
  },
)

t.test('other levels have no stages', options, async (t) => {
  const { network, pod } = await setUp(t)
  const debug = { env: { CNI_LOG_LEVEL: 'debug', FLANNEL_CNI_SOCKET: '' } }
  const { stderr, json: prevResult } = await network.call('ADD', pod, {}, debug)
  t.match(stderr, 'delegating to bridge')
  t.strictSame(traceLines(stderr), [])
  await network.silent('DEL', pod, { prevResult }, { env: { CNI_LOG_LEVEL: 'Trace' } })
})

t.test('a call to the resident server', { skip: options.skip || frontSkip() }, async (t) => {
  const { node, network, pod } = await setUp(t)
  const server = await startResident(t, node)
  const via = { FLANNEL_CNI_SOCKET: server.socket }
  const added = await network.call('ADD', pod, {}, { env: { ...via, CNI_LOG_LEVEL: 'trace' } })
  const lines = traceLines(added.stderr)
  t.match(lines[0], { name: 'waiting for a thread', beginMs: 0 })
  t.strictSame(names(lines, 'start'), [])
  t.strictSame(names(lines, 'ADD of'), ['ADD of bridge', 'ADD of host-local'])
  t.ok(names(lines, 'netlink: ').length > 5)
  checkNesting(t, lines)
  const prevResult = added.json
  await network.silent('CHECK', pod, { prevResult }, { env: via })
  const trace = { env: { ...via, CNI_LOG_LEVEL: 'trace' } }
  const deleted = traceLines((await network.call('DEL', pod, { prevResult }, trace)).stderr)
  t.strictSame(names(deleted, 'del'), ['deletion of the link'])
  t.strictSame(names(deleted, 'ADD'), [], 'nothing of the calls before')
  await network.silent('DEL', pod, { prevResult }, { env: via })
  t.equal(await server.stop(), 0)
  t.match(server.said(), 'stopped: 4 calls served')
  const log = server.said().replaceAll(/^cni serve: /gm, '')
  t.equal(traceLines(log).length, lines.length + deleted.length, 'the log has them, too')
})
