import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { type HealthOptions, HealthServer } from '../../flanneld/health.ts'
import { DetailedError } from '../../lib/base/errors.ts'
import { run } from '../../scripts/lab/run.ts'

const page = { contentType: 'text/plain; version=0.0.4', text: async () => 'flannel_leases 3\n' }

async function serve(options: Partial<HealthOptions> = {}) {
  const lines: string[] = []
  const log = { info: () => {}, error: (line: string) => void lines.push(line) }
  const server = await HealthServer.listen({
    ip: '127.0.0.1',
    port: 0,
    isReady: () => false,
    metrics: page,
    log,
    ...options,
  })
  return { server, lines, url: `http://127.0.0.1:${server.port}` }
}

async function ask(url: string, init?: RequestInit) {
  const response = await fetch(url, init)
  return [response.status, await response.text(), response.headers.get('content-type')]
}

const plain = 'text/plain; charset=utf-8'

t.test('what is answered', async (t) => {
  let ready = false
  const { server, url } = await serve({ isReady: () => ready })
  t.teardown(() => server[Symbol.asyncDispose]())
  t.strictSame(await ask(`${url}/healthz`), [200, 'flanneld is running', plain])
  t.strictSame(await ask(`${url}/readyz`), [503, 'flanneld is not ready yet', plain])
  ready = true
  t.strictSame(await ask(`${url}/readyz?verbose`), [200, 'flanneld is ready', plain])
  const post = { method: 'POST', body: 'x'.repeat(100_000) }
  t.strictSame(await ask(`${url}/healthz`, post), [200, 'flanneld is running', plain])
  t.strictSame(await ask(`${url}/healthz`, { method: 'HEAD' }), [200, '', plain])
  t.strictSame(await ask(`${url}/metrics`), [200, 'flannel_leases 3\n', page.contentType])
  for (const path of ['/', '/healthz/', '/metrics/x', '//healthz']) {
    t.equal((await ask(url + path))[0], 404, path)
  }
})

t.test('metrics that cannot be collected', async (t) => {
  const broken = { ...page, text: () => Promise.reject(new Error('no /proc')) }
  const { server, url, lines } = await serve({ metrics: broken })
  t.teardown(() => server[Symbol.asyncDispose]())
  t.equal((await ask(`${url}/metrics`))[0], 500)
  t.strictSame(lines, ['the metrics could not be collected: no /proc'])
  t.equal((await ask(`${url}/healthz`))[0], 200)
})

t.test('where it cannot listen', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const address = other.address()
  const taken = typeof address === 'object' && address !== null ? address.port : 0
  for (const [options, message] of [
    [
      { port: taken },
      `--healthz-ip=127.0.0.1 --healthz-port=${taken}: listen: address already in use`,
    ],
    [
      { ip: '192.0.2.1', port: 8285 },
      '--healthz-ip=192.0.2.1 --healthz-port=8285: listen: cannot assign requested address',
    ],
    [{ ip: 'localhost' }, '--healthz-ip=localhost --healthz-port=0: no address'],
  ] as const) {
    const error: unknown = await serve(options).catch((thrown: unknown) => thrown)
    t.type(error, DetailedError)
    t.match(error, { message })
  }
})

t.test('all addresses', async (t) => {
  for (const ip of ['', '0.0.0.0']) {
    const { server, url } = await serve({ ip })
    t.equal((await ask(`${url}/healthz`))[0], 200, ip)
    await server[Symbol.asyncDispose]()
  }
})

t.test('closes although clients stay', async (t) => {
  const { server, url } = await serve()
  const open = async (text: string) => {
    const socket = connect(server.port, '127.0.0.1').setEncoding('latin1')
    const closed = once(socket, 'close')
    socket.on('error', () => {}) // how it is closed does not matter
    await once(socket, 'connect')
    socket.write(text)
    return { socket, closed }
  }
  const request = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n'
  const idle = await open(request)
  t.match(String(await once(idle.socket, 'data')), 'flanneld is running')
  const silent = await open('')
  const half = await open(request.slice(0, 20))
  await ask(`${url}/healthz`) // by then the server has seen all of them
  const begin = performance.now()
  const done = server[Symbol.asyncDispose]()
  await idle.closed
  t.ok(performance.now() - begin < 1500, 'one that waits with nothing asked is not waited for')
  await Promise.all([done, silent.closed, half.closed])
  t.ok(performance.now() - begin < 3000)
  await t.rejects(fetch(`${url}/healthz`))
})

t.test('HTTP is loaded when it is used', async (t) => {
  const file = JSON.stringify(join(import.meta.dirname, '../../flanneld/health.ts'))
  const program = `
    const loaded = () => process.moduleLoadList.includes('NativeModule _http_server')
    const { HealthServer } = await import(${file})
    console.log(loaded())
    const metrics = { contentType: '', text: async () => '' }
    const log = { info() {}, error() {} }
    await using _ = await HealthServer.listen({ ip: '', port: 0, isReady: () => true, metrics, log })
    console.log(loaded())`
  const { stdout } = await run([process.execPath, '--input-type=module', '-e', program])
  t.equal(stdout, 'false\ntrue\n')
})
