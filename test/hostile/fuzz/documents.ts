/** Network configurations that nobody would write. */
import fc, { type Arbitrary } from 'fast-check'

/** A configuration that every plugin takes; its parts are replaced by others. */
const sound = {
  cniVersion: '1.1.0',
  name: 'net1',
  type: 'x',
  bridge: 'cni0',
  mtu: 1450,
  subnetFile: '/state/subnet.env',
  delegate: { isDefaultGateway: true },
  ipam: {
    type: 'host-local',
    dataDir: '/state/networks',
    subnet: '10.1.0.0/16',
    ranges: [[{ subnet: 'fd00::/64', rangeStart: 'fd00::5', gateway: 'fd00::1' }]],
    routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }],
  },
  args: { cni: { mac: '02:00:00:00:00:01' } },
  'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }],
  prevResult: {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/none' }],
    ips: [{ address: '10.1.2.2/24', gateway: '10.1.2.1', interface: 0 }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: { nameservers: ['10.1.2.1'] },
  },
}

/** What a plugin's own configuration has besides. */
const own: Readonly<Record<string, object>> = {
  bridge: { isGateway: true, hairpinMode: true },
  flannel: { dataDir: '/state/flannel', ipam: { dataDir: '/state/networks' } },
  portmap: {
    dataDir: '/state/portmap',
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
  },
}

const oddTexts = ['', '..', '../../x', '/', '\0', 'a\nb', '0.4.0', '2.0.0', '::/0', '10.0.0.0/8']
export const oddText = fc.oneof(fc.constantFrom(...oddTexts, 'x'.repeat(300)), fc.string())
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

const mutation: Arbitrary<Mutation> = fc.record({
  place: fc.nat(60),
  kind: fc.constantFrom('replace', 'remove', 'add'),
  key: oddKey,
  value: oddValue,
})

/** Another text in their place is another folder of state, or file to read. */
const pathKeys = ['dataDir', 'subnetFile']

/** The document's text with one value of it replaced, removed, or given another key. */
function mutate(text: string, { place, kind, key, value }: Mutation): string {
  let count = 0
  const tree: unknown = JSON.parse(text, function (this: unknown, name: string, inner: unknown) {
    if (count++ !== place) return inner
    if (kind === 'remove') return undefined
    if (pathKeys.includes(name) && typeof value === 'string') return inner
    if (kind === 'replace' || typeof inner !== 'object' || inner === null) return value
    return Object.defineProperty(inner, key, { value, enumerable: true, configurable: true })
  })
  return JSON.stringify(tree) ?? ''
}

/** The text with a piece put in; unchanged if that would lead to another folder. */
function spliced(text: string, [at, piece]: readonly [number, string]): string {
  const changed = text.slice(0, at) + piece + text.slice(at + 1)
  return pathsIn(changed) === pathsIn(text) ? changed : text
}

function pathsIn(text: string): string {
  return (text.match(/"\/state\/[a-z.]+"/g) ?? []).join()
}

/** Documents for the plugin: a third of them sound, and most of them JSON. */
export function documentsFor(plugin: string): Arbitrary<string> {
  const text = JSON.stringify({ ...sound, ...own[plugin] })
  const mutated = fc
    .array(mutation, { minLength: 1, maxLength: 3 })
    .map((list) => list.reduce((old, each) => (old === '' ? old : mutate(old, each)), text))
  const splice = fc.tuple(fc.nat(text.length), oddText)
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(text) },
    { weight: 5, arbitrary: mutated },
    { weight: 1, arbitrary: fc.tuple(mutated, splice).map(([old, at]) => spliced(old, at)) },
  )
}
