/**
 * gRPC on a connection of HTTP/2, as far as etcd needs it (grpc.io, "gRPC over HTTP2"): a message
 * has five bytes before it, and the status stands in the trailers.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2'
import type { MessageType } from './protobuf.ts'

/** A call that failed; `code` is a number of grpc.io's list of status codes. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: number

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

// grpc.io, "Status codes and their use in gRPC"
export const CANCELLED = 1
export const DEADLINE_EXCEEDED = 4
export const UNAVAILABLE = 14
export const UNAUTHENTICATED = 16

/** A method of a service, with its messages. */
export interface Method<Q, A> {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly request: MessageType<Q>
  readonly response: MessageType<A>
  /** The call lasts until the client ends it; else the client ends its side with its request. */
  readonly lasts?: boolean
}

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** For a call with one answer: in ms. */
  readonly timeoutMs?: number
}

/** A silent peer is given up after both: the time between pings, and for an answer, in ms. */
const pingEveryMs = 10_000
const pingWaitMs = 5_000

/** A connection that is not there after so many ms is given up: pings do not judge it. */
const connectWaitMs = 5_000

/** An answer of more bytes than this is refused. */
const maxMessage = 64 * 1024 * 1024

/** One connection to a server. Calls fail with `UNAVAILABLE` when it is lost. */
export class Channel implements Disposable {
  readonly #session: ClientHttp2Session
  readonly #ping: NodeJS.Timeout
  #failure: GrpcError | undefined

  private constructor(session: ClientHttp2Session, url: string) {
    this.#session = session
    session.on('error', (error) => this.#fail(url, error))
    session.on('goaway', () => this.#fail(url, new Error('the server is going away')))
    session.on('close', () => this.#fail(url, new Error('the connection was closed')))
    this.#ping = setInterval(() => this.#sendPing(url), pingEveryMs).unref()
    const late = new Error(`no connection within ${connectWaitMs / 1000} s`)
    const timer = setTimeout(() => this.#fail(url, late), connectWaitMs).unref()
    session.once('connect', () => clearTimeout(timer))
    session.once('close', () => clearTimeout(timer))
  }

  /** Connects to a URL such as `https://etcd:2379`; a failure is that of the first call. */
  static open(url: string, options: SecureClientSessionOptions = {}): Channel {
    return new Channel(connect(url, options), url)
  }

  /** Whether calls can be made: false once the connection was lost. */
  get isUsable(): boolean {
    return this.#failure === undefined
  }

  /** Makes a call with one answer. Rejects with a `GrpcError`. */
  async call<Q, A>(
    method: Method<Q, A>,
    request: Partial<Q>,
    options: CallOptions = {},
  ): Promise<A> {
    const { timeoutMs = 10_000, signal } = options
    const timeout = AbortSignal.timeout(timeoutMs)
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    try {
      for await (const answer of this.stream(method, request, { ...options, signal: either })) {
        return answer
      }
    } catch (error) {
      if (!timeout.aborted || !(error instanceof GrpcError)) throw error
      const text = `${method.path} was not answered within ${timeoutMs / 1000} s`
      throw new GrpcError(DEADLINE_EXCEEDED, text, { cause: error })
    }
    throw new GrpcError(UNAVAILABLE, `${method.path} was answered by nothing`)
  }

  /** Makes a call and yields its answers until the server ends it. Throws a `GrpcError`. */
  async *stream<Q, A>(
    { path, request: requestType, response, lasts = false }: Method<Q, A>,
    request: Partial<Q>,
    { metadata = {}, signal }: CallOptions = {},
  ): AsyncGenerator<A, void, undefined> {
    if (this.#failure !== undefined) throw this.#failure
    if (signal?.aborted) throw new GrpcError(CANCELLED, `${path} was cancelled`)
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    })
    stream.on('error', () => undefined) // whoever reads is told; it may end when nobody does
    const status = statusOf(stream, path)
    const abort = () => stream.close(constants.NGHTTP2_CANCEL)
    signal?.addEventListener('abort', abort)
    try {
      stream.write(frame(requestType.encode(request)))
      if (!lasts) stream.end()
      for await (const bytes of messagesOf(stream)) yield response.decode(bytes)
      const error = await status
      if (signal?.aborted) throw new GrpcError(CANCELLED, `${path} was cancelled`)
      if (error !== undefined) throw error
    } catch (error) {
      throw this.#explain(error, path, signal)
    } finally {
      signal?.removeEventListener('abort', abort)
      stream.close(constants.NGHTTP2_CANCEL)
    }
  }

  #explain(error: unknown, path: string, signal: AbortSignal | undefined): GrpcError {
    if (signal?.aborted) return new GrpcError(CANCELLED, `${path} was cancelled`, { cause: error })
    if (error instanceof GrpcError) return error
    if (this.#failure !== undefined) return this.#failure
    const text = error instanceof Error ? error.message : String(error)
    return new GrpcError(UNAVAILABLE, `${path}: ${text}`, { cause: error })
  }

  #sendPing(url: string): void {
    if (this.#session.destroyed || this.#session.connecting) return
    const text = `no answer to a ping within ${pingWaitMs / 1000} s`
    const timer = setTimeout(() => this.#fail(url, new Error(text)), pingWaitMs).unref()
    this.#session.ping((error) => {
      clearTimeout(timer)
      if (error) this.#fail(url, error)
    })
  }

  #fail(url: string, cause: Error): void {
    this.#failure ??= new GrpcError(UNAVAILABLE, `${url}: ${cause.message}`, { cause })
    clearInterval(this.#ping)
    this.#session.destroy()
  }

  /** Closes the connection; calls at work fail. */
  [Symbol.dispose](): void {
    clearInterval(this.#ping)
    this.#session.destroy()
  }
}

/** How the call ended: undefined when it ended well. Never rejects. */
function statusOf(stream: ClientHttp2Stream, path: string): Promise<GrpcError | undefined> {
  return new Promise((resolve) => {
    const judge = (headers: IncomingHttpHeaders) => {
      const status = headers['grpc-status']
      if (status === undefined) return
      const message = decodeURIComponent(String(headers['grpc-message'] ?? ''))
      resolve(status === '0' ? undefined : new GrpcError(Number(status), message))
    }
    stream.on('response', (headers) => {
      judge(headers)
      const http = headers[':status']
      if (http === 200) return
      resolve(new GrpcError(UNAVAILABLE, `${path} was answered by HTTP status ${http}`))
    })
    stream.on('trailers', judge)
    stream.on('close', () => resolve(new GrpcError(UNAVAILABLE, `${path} ended without a status`)))
  })
}

function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5) // not compressed, and the length
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** The messages of a stream, however they are cut. */
async function* messagesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (;;) {
      const length = rest.length < 5 ? Infinity : rest.readUInt32BE(1)
      if (length !== Infinity && length > maxMessage) {
        throw new GrpcError(UNAVAILABLE, `a message of ${length} bytes is more than ${maxMessage}`)
      }
      if (rest.length < 5 + length) break
      yield rest.subarray(5, 5 + length)
      rest = rest.subarray(5 + length)
    }
  }
}
