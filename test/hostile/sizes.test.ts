/**
 * Documents of a size or a depth that no network has: the packaged executables answer in seconds, in
 * bounded memory, and change nothing.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { confOf } from '../support/quarantine.ts'

const maxMs = 20_000 // they take 4 s when nothing else runs
const maxMemory = 1024 ** 3 // bytes

interface Measured {
  readonly answer: unknown
  readonly ms: number
  /** The most memory that the process had, in bytes, as far as it was seen. */
  readonly memory: number
}

/** Runs host-local with ADD. */
async function add(stdin: string): Promise<Measured> {
  const CNI = { COMMAND: 'ADD', CONTAINERID: 'c1', NETNS: '/none', IFNAME: 'eth0', PATH: '/none' }
  const env = Object.fromEntries(Object.entries(CNI).map(([key, value]) => [`CNI_${key}`, value]))
  const started = Date.now()
  const child = spawn(join(binDir(), 'host-local'), { env, stdio: 'pipe' })
  let memory = 0
  const look = () => (memory = Math.max(memory, peakOf(child.pid ?? 0)))
  const timer = setInterval(look, 5)
  child.stdin.on('error', () => {}) // it stops reading what is too long
  child.stdin.end(stdin)
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'close')])
  clearInterval(timer)
  return { answer: JSON.parse(stdout), ms: Date.now() - started, memory }
}

/** VmHWM of proc_pid_status(5), in bytes. */
function peakOf(pid: number): number {
  const file = `/proc/${pid}/status`
  const status = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0)
}

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const many = <T>(length: number, make: (index: number) => T) =>
  Array.from({ length }, (_, i) => make(i))
const subnet = (index: number) => ({ subnet: `fd00:0:${(index >> 16).toString(16)}::/64` })
const ipam = { type: 'host-local', dataDir: '/nowhere/that/is', subnet: '10.1.2.0/24' }

const documents: Readonly<Record<string, [stdin: () => string, answer: object]>> = {
  '100 MB': [
    () => `{"name":"net1","x":"${'x'.repeat(100_000_000)}"}`,
    { code: 5, msg: /more than 16777216 bytes/ },
  ],
  '15 MB of lists': [
    () => confOf({ ipam: null, x: many(5_000_000, () => []) }),
    { code: 7, msg: /IPAM config missing/ },
  ],
  '100,000 levels': [
    () => confOf({ x: 'y' }).replace('"y"', deep(100_000)),
    { code: 6, msg: /nested deeper than 200 levels/ },
  ],
  '7,000,000 levels': [
    () => confOf({ x: 'y' }).replace('"y"', deep(7_000_000)),
    { code: 6, msg: /nested deeper than 200 levels/ },
  ],
  '100,000 range sets': [
    () => confOf({ ipam: { ...ipam, ranges: many(100_000, (index) => [subnet(index)]) } }),
    { code: 7, msg: /^too many IP ranges: 100001$/ },
  ],
  '100,000 ranges in a set': [
    () => confOf({ ipam: { ...ipam, ranges: [many(100_000, subnet)] } }),
    { code: 7, msg: /^too many IP ranges: 100001$/ },
  ],
  '100,000 requested addresses': [
    () => confOf({ ipam, runtimeConfig: { ips: many(100_000, () => '10.1.2.3') } }),
    { code: 7, msg: /^too many requested IPs: 100000$/ },
  ],
  'keys of prototypes': [
    () => `{"__proto__":${confOf({ ipam })},"constructor":{"prototype":{"name":"net1"}}}`,
    { code: 7, msg: /missing network name/ },
  ],
}

for (const [name, [stdin, want]] of Object.entries(documents)) {
  t.test(name, async (t) => {
    const { answer, ms, memory } = await add(stdin())
    t.match(answer, want)
    t.ok(ms < maxMs, `${ms} ms`)
    t.ok(memory > 0 && memory < maxMemory, `${Math.round(memory / 1024 ** 2)} MB`)
    t.notOk(existsSync('/nowhere'))
  })
}
