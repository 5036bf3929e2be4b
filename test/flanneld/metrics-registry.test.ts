import { join } from 'node:path'
import t from 'tap'
import { createMetrics } from '../../flanneld/metrics-registry.ts'
import { noMetrics } from '../../flanneld/metrics.ts'
import { run } from '../../scripts/lab/run.ts'

const usage = { residentBytes: 73_400_320, cpuSeconds: 1.25 }
const make = () => createMetrics({ version: '1.2.3', usage: () => usage })

/** The samples of a page, by name and labels. */
function samples(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = '', value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? []
      return [name, Number(value)]
    }),
  )
}

t.test('before anything has happened', async (t) => {
  const found = samples(await (await make()).text())
  t.match(found, {
    flannel_leases: 0,
    flannel_peers_programmed: 0,
    flannel_event_to_kernel_seconds_count: 0,
    flannel_watch_reconnects_total: 0,
    'flannel_build_info{version="1.2.3"}': 1,
    process_resident_memory_bytes: 73_400_320,
    process_cpu_seconds_total: 1.25,
  })
  for (const kind of ['link', 'address', 'route', 'neighbour', 'fdb', 'rule']) {
    t.equal(found[`flannel_drift_repaired_total{kind="${kind}"}`], 0, kind)
  }
})

t.test('what is told is on the page', async (t) => {
  const metrics = await make()
  metrics.leases(5000)
  metrics.leases(4999)
  metrics.peersProgrammed(4998)
  metrics.driftRepaired('route', 2)
  metrics.driftRepaired('route', 3)
  metrics.eventReachedKernel(0.004)
  metrics.eventReachedKernel(20)
  metrics.watchReconnected()
  metrics.failed('renew lease')
  metrics.failed('renew lease')
  await metrics.text()
  t.match(samples(await metrics.text()), {
    flannel_leases: 4999,
    flannel_peers_programmed: 4998,
    'flannel_drift_repaired_total{kind="route"}': 5,
    'flannel_drift_repaired_total{kind="fdb"}': 0,
    'flannel_event_to_kernel_seconds_bucket{le="0.001"}': 0,
    'flannel_event_to_kernel_seconds_bucket{le="0.005"}': 1,
    'flannel_event_to_kernel_seconds_bucket{le="10"}': 1,
    'flannel_event_to_kernel_seconds_bucket{le="+Inf"}': 2,
    flannel_event_to_kernel_seconds_sum: 20.004,
    flannel_watch_reconnects_total: 1,
    'flannel_errors_total{operation="renew lease"}': 2,
    process_cpu_seconds_total: 1.25,
  })
})

t.test('every metric has a type and says what it means', async (t) => {
  const metrics = await make()
  metrics.failed('renew lease')
  const text = await metrics.text()
  t.equal(metrics.contentType, 'text/plain; version=0.0.4; charset=utf-8')
  const names = new Set(
    Object.keys(samples(text)).map((name) => name.replace(/\{.*|_(?:bucket|sum|count)\b.*/, '')),
  )
  t.equal(names.size, 9)
  for (const name of names) {
    t.match(text, new RegExp(`^# HELP ${name} \\S.*\\.$`, 'm'))
    t.match(text, new RegExp(`^# TYPE ${name} (?:counter|gauge|histogram)$`, 'm'))
  }
})

t.test('two registries share nothing', async (t) => {
  const [one, other] = await Promise.all([make(), make()])
  one.leases(7)
  t.match(samples(await other.text()), { flannel_leases: 0 })
})

t.test('without a page nothing is counted', async (t) => {
  const tell = Object.values(noMetrics) as (() => unknown)[] // arguments are of no use to it
  const told = Object.keys(await make()).filter((name) => !['contentType', 'text'].includes(name))
  t.strictSame(Object.keys(noMetrics).sort(), told.sort())
  for (const each of tell) t.equal(each(), undefined)
})

t.test('prom-client is loaded in parts, when metrics are kept', async (t) => {
  const file = JSON.stringify(join(import.meta.dirname, '../../flanneld/metrics-registry.ts'))
  const program = `
    import { createRequire } from 'node:module'
    const { cache } = createRequire('/')
    const loaded = () => Object.keys(cache).filter((path) => path.includes('/prom-client/')).length
    const { createMetrics } = await import(${file})
    console.log(loaded())
    await createMetrics({ version: '1.2.3', usage: () => ({ residentBytes: 1, cpuSeconds: 1 }) })
    console.log(loaded() > 3, process.moduleLoadList.includes('NativeModule https'))`
  const { stdout } = await run([process.execPath, '--input-type=module', '-e', program])
  t.equal(stdout, '0\ntrue false\n')
})
