/**
 * Documents and environments that nobody would write, through the dispatch of real calls: each is
 * answered as the CNI specification has it. The plugins read their configurations, and stop there.
 */
import { existsSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { parseConf } from '../../ipam/host-local/conf.ts'
import type { Reply } from '../../lib/cni/call.ts'
import { dispatch } from '../../lib/cni/dispatch.ts'
import type { Host } from '../../lib/cni/host.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import { parsePrevResult } from '../../lib/cni/prev-result.ts'
import { emptyResult } from '../../lib/cni/result.ts'
import { parseValidAttachments } from '../../lib/cni/valid-attachments.ts'
import { parseBridgeConf } from '../../plugins/bridge/conf.ts'
import { parseFlannelConf } from '../../plugins/flannel/conf.ts'
import { parseSubnetEnv } from '../../plugins/flannel/subnet-env.ts'
import { parsePortmapConf } from '../../plugins/portmap/conf.ts'
import { sized } from '../support/fault-size.ts'
import { contextOf } from '../support/request.ts'

type Read = (request: Request, context: Context) => unknown

/** A plugin that reads its configuration, and answers ADD with the result before it, if any. */
function reader(name: string, read: Read): Plugin {
  const run = (request: Request, context: Context) => void read(request, context)
  const add = (request: Request, context: Context) => {
    run(request, context)
    return parsePrevResult(request.conf) ?? emptyResult
  }
  return { name, add, del: run, check: run, status: run, gc: run }
}

const plugins = [
  reader('bridge', (request) => parseBridgeConf(request)),
  reader('flannel', (request) => [
    parseFlannelConf(request),
    parseSubnetEnv(String(request.conf['subnet']), 'subnet.env'),
  ]),
  reader('host-local', (request, { log }) => parseConf(request, log)),
  reader('portmap', (request) => parsePortmapConf(request)),
  reader('loopback', ({ conf }) => parseValidAttachments(conf)),
]

/** A configuration that every plugin takes; its parts are replaced by others. */
const sound = {
  cniVersion: '1.1.0',
  name: 'net1',
  type: 'x',
  bridge: 'cni0',
  mtu: 1450,
  vlanTrunk: [{ minID: 2, maxID: 9 }],
  subnet: 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\n',
  delegate: { isDefaultGateway: true },
  ipam: {
    type: 'host-local',
    subnet: '10.1.2.0/24',
    ranges: [[{ subnet: 'fd00::/64', rangeStart: 'fd00::5', gateway: 'fd00::1' }]],
    routes: [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }],
  },
  args: { cni: { mac: '02:00:00:00:00:01', ips: ['10.1.2.9'] } },
  runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
  'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }],
  prevResult: {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/none' }],
    ips: [{ address: '10.1.2.2/24', gateway: '10.1.2.1', interface: 0 }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: { nameservers: ['10.1.2.1'] },
  },
}

const oddTexts = ['', '..', '../../x', '/', '\0', 'a\nb', '0.4.0', '2.0.0', '::/0', '10.0.0.0/8']
const oddText = fc.oneof(fc.constantFrom(...oddTexts, 'x'.repeat(300)), fc.string())
const oddValue = fc.oneof(
  oddText,
  fc.constantFrom(null, true, -1, 0, 1.5, 65536, 1e308, [], {}, [[]], [null]),
  fc.integer(),
  fc.jsonValue({ maxDepth: 3 }),
)
const oddKey = fc.constantFrom('__proto__', 'constructor', 'toString', 'x', 'name', 'type', 'ips')

interface Mutation {
  /** Which of the document's values, counted through all of it. */
  readonly place: number
  readonly kind: 'replace' | 'remove' | 'add'
  readonly key: string
  readonly value: unknown
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  place: fc.nat(60),
  kind: fc.constantFrom('replace', 'remove', 'add'),
  key: oddKey,
  value: oddValue,
})

/** The document's text with one value of it replaced, removed, or given another key. */
function mutate(text: string, { place, kind, key, value }: Mutation): string {
  let count = 0
  const tree: unknown = JSON.parse(text, function (this: unknown, _: string, inner: unknown) {
    if (count++ !== place) return inner
    if (kind === 'remove') return undefined
    if (kind === 'replace' || typeof inner !== 'object' || inner === null) return value
    return Object.defineProperty(inner, key, { value, enumerable: true, configurable: true })
  })
  return JSON.stringify(tree) ?? ''
}

const document = fc
  .tuple(fc.array(mutation, { maxLength: 3 }), fc.option(fc.tuple(fc.nat(900), oddText)))
  .map(([mutations, splice]) => {
    const text = mutations.reduce(
      (text, each) => (text === '' ? text : mutate(text, each)),
      JSON.stringify(sound),
    )
    if (splice === null || splice[0] % 4 !== 0) return text // most documents stay JSON
    return text.slice(0, splice[0]) + splice[1] + text.slice(splice[0] + 1)
  })

const command = fc.constantFrom('ADD', 'DEL', 'CHECK', 'STATUS', 'GC', 'VERSION')
const variable = (value: string) => fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, oddText)
const soundEnv = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/none',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
}
const environment = fc.record({
  CNI_COMMAND: fc.oneof({ weight: 9, arbitrary: command }, oddText),
  CNI_CONTAINERID: variable('c1'),
  CNI_NETNS: variable('/run/netns/none'),
  CNI_IFNAME: variable('eth0'),
  CNI_ARGS: variable('IgnoreUnknown=1;IP=10.1.2.9'),
  CNI_PATH: variable('/opt/cni/bin'),
  CNI_LOG_LEVEL: variable('debug'),
})

/** What is wrong with a reply, or undefined. */
function flaw({ exitCode, stdout }: Reply, asked: string): string | undefined {
  if (stdout === '') return exitCode === 0 ? undefined : 'a failure without an error object'
  const answer = JSON.parse(stdout) as Record<string, unknown> // a test: what is no JSON throws
  if (exitCode === 0) {
    if (asked !== 'ADD' && asked !== 'VERSION') return `${asked} has an answer`
    return typeof answer['cniVersion'] === 'string' ? undefined : 'a result without a version'
  }
  const { code, msg, details = '', ...others } = answer
  if (!Number.isInteger(code) || code === 0) return `the code ${String(code)}`
  if (typeof msg !== 'string' || msg.trim() === '') return 'no message'
  if (typeof details !== 'string') return 'details that are no text'
  if (/Cannot read prop|is not a function|is not iterable|undefined|\n\s+at /.test(msg)) return msg
  return Object.keys(others).length === 0 ? undefined : 'keys that an error does not have'
}

t.test('every document and environment has an answer', async (t) => {
  const host: Host = { ...contextOf(), version: '1.2.3', writeStderr: () => undefined }
  const cwd = process.cwd()
  t.teardown(() => process.chdir(cwd))
  process.chdir(t.testdir())
  const places = ['.', '..', '/', '/var/lib/cni', '/run/flannel', '/run/netns']
  const files = () => places.map((path) => existsSync(path) && readdirSync(path).filter(isOurs))
  const isOurs = (name: string) => !name.startsWith('cnits-') // of other tests
  for (const plugin of plugins) {
    dispatch(plugin, { env: soundEnv, readStdin: () => JSON.stringify(sound) }, host) // compiles
  }
  const before = files()
  const codes = new Set<unknown>()
  let slowestMs = 0
  fc.assert(
    fc.property(fc.constantFrom(...plugins), environment, document, (plugin, env, stdin) => {
      const started = performance.now()
      const reply = dispatch(plugin, { env, readStdin: () => stdin }, host)
      slowestMs = Math.max(slowestMs, performance.now() - started)
      codes.add(reply.exitCode === 0 ? 0 : JSON.parse(reply.stdout).code)
      const wrong = flaw(reply, env.CNI_COMMAND)
      if (wrong !== undefined) throw new Error(`${wrong}: ${reply.stdout}`)
    }),
    { numRuns: sized(20_000, 2000) },
  )
  t.ok(slowestMs < 1000, `the slowest took ${slowestMs.toFixed(1)} ms`)
  t.ok(process.memoryUsage().rss < 1024 ** 3, 'memory is bounded')
  t.strictSame(files(), before, 'no file is made')
  t.strictSame(Object.keys(Object.prototype), [], 'no prototype is changed')
  t.ok(codes.size > 4, `codes: ${[...codes].join(' ')}`)
})
