/** What kubelet, Prometheus and people ask the agent by HTTP: is it alive, is it ready, and how much. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { getBuiltinModule } from 'node:process'
import { DetailedError, errorText } from '../lib/base/errors.ts'
import { parseIp } from '../lib/ip/ip.ts'
import type { AgentLog } from './log.ts'
import type { MetricsPage } from './metrics-registry.ts'

export interface HealthOptions {
  /** An address; empty for all of them. */
  readonly ip: string
  /** 0 for any that is free: an agent that is not to be asked has no server. */
  readonly port: number
  /** Whether subnet.env has been written. */
  readonly isReady: () => boolean
  readonly metrics: MetricsPage
  readonly log: Pick<AgentLog, 'info' | 'error'>
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly contentType?: string
}

/** Who has been asked something has so many ms to be answered before the server is closed. */
const graceMs = 2000

/** Probes, a monitoring system or two, a person: more are a mistake or an attack. */
const maxConnections = 100

/** A request that takes longer to arrive is given up, in ms. */
const requestTimeoutMs = 10_000

/** A server that listens; closes within 3 s when it is disposed of. */
export class HealthServer implements AsyncDisposable {
  readonly #server: Server
  readonly port: number

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  /** Throws a `DetailedError` when it cannot listen. */
  static async listen(options: HealthOptions): Promise<HealthServer> {
    const { ip, port, log } = options
    const where = `--healthz-ip=${ip} --healthz-port=${port}`
    if (ip !== '' && parseIp(ip) === undefined) {
      throw new DetailedError(
        `${where}: no address`,
        'expected one such as 0.0.0.0, 127.0.0.1 or ::',
      )
    }
    // Loaded when needed: it takes 4 ms and 3 MB.
    const { createServer } = getBuiltinModule('node:http')
    const limits = { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs }
    const server = createServer(
      limits,
      (request, response) => void respond(request, response, options),
    )
    server.maxConnections = maxConnections
    const bound = await listen(server, options).catch((error: unknown) => {
      const remedy = 'choose an address of this node and a port that no other program listens on'
      throw new DetailedError(`${where}: ${errorText(error)}`, remedy, { cause: error })
    })
    server.on('error', (error) => log.error(`${where}: ${errorText(error)}`))
    log.info(`Answering on port ${bound} to /healthz, /readyz and /metrics`)
    return new HealthServer(server, bound)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.withResolvers<void>()
    // Clients that wait with nothing asked are sent away at once, those that ask when answered.
    this.#server.close(() => closed.resolve())
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs)
    await closed.promise
    clearTimeout(timer)
  }
}

async function listen(server: Server, { ip, port }: HealthOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port, ...(ip !== '' && { host: ip }) }, resolve)
  await promise
  server.off('error', reject)
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: HealthOptions,
): Promise<void> {
  request.resume() // nobody wants its body
  const [path] = (request.url ?? '').split('?')
  const { status, text, contentType = 'text/plain; charset=utf-8' } = await answer(path, options)
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

/** Texts and status are upstream's. */
async function answer(path: string | undefined, options: HealthOptions): Promise<Answer> {
  switch (path) {
    case '/healthz':
      return { status: 200, text: 'flanneld is running' }
    case '/readyz':
      return options.isReady()
        ? { status: 200, text: 'flanneld is ready' }
        : { status: 503, text: 'flanneld is not ready yet' }
    case '/metrics':
      return metricsAnswer(options)
    default:
      return { status: 404, text: '404 page not found\n' }
  }
}

async function metricsAnswer({ metrics, log }: HealthOptions): Promise<Answer> {
  try {
    return { status: 200, text: await metrics.text(), contentType: metrics.contentType }
  } catch (error) {
    log.error(`the metrics could not be collected: ${errorText(error)}`)
    return { status: 500, text: 'the metrics could not be collected\n' }
  }
}
