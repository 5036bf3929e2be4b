/** A proxy in front of a server on loopback, which can go silent without closing a connection, or closes all. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Scope } from '../../scripts/lab/node.ts'

/** What becomes of new connections. */
interface State {
  mode: 'open' | 'silent' | 'cut'
}

export class EtcdProxy {
  readonly url: string
  readonly #sockets: Set<Socket>
  readonly #state: State

  private constructor(url: string, sockets: Set<Socket>, state: State) {
    this.url = url
    this.#sockets = sockets
    this.#state = state
  }

  /** Listens on a port of its own, for a server at a URL such as `http://127.0.0.1:2379`. */
  static async start(scope: Scope, target: string): Promise<EtcdProxy> {
    const sockets = new Set<Socket>()
    const state: State = { mode: 'open' }
    const server: Server = createServer((inner) => {
      sockets.add(inner)
      inner.on('error', () => inner.destroy())
      if (state.mode === 'cut') inner.destroy()
      if (state.mode !== 'open') return
      const outer = connect(Number(new URL(target).port), '127.0.0.1')
      sockets.add(outer)
      outer.on('error', () => inner.destroy())
      inner.pipe(outer).pipe(inner)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    scope.teardown(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port was given')
    return new EtcdProxy(`http://127.0.0.1:${address.port}`, sockets, state)
  }

  /** From now on nothing gets through, either way; connections stay open, and new ones are taken. */
  silence(): void {
    this.#state.mode = 'silent'
    for (const socket of this.#sockets) socket.unpipe().pause()
  }

  /** Closes all connections, and new ones as they come. */
  cut(): void {
    this.#state.mode = 'cut'
    for (const socket of this.#sockets) socket.destroy()
  }

  /** New connections get through again; those that were silent stay so. */
  heal(): void {
    this.#state.mode = 'open'
  }
}
