/** A real etcd for tests, on loopback, with a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Scope } from '../../scripts/lab/node.ts'
import { missingProgram, run, runSync } from '../../scripts/lab/run.ts'

/** The reason to skip what needs etcd, or false. */
export function etcdSkip(): string | false {
  return missingProgram('etcd', 'etcdctl', 'openssl')
}

export class Etcd {
  readonly url: string
  readonly #dir: string
  readonly #ports: readonly [client: number, peer: number]
  readonly #options: readonly string[]
  #process: ChildProcess | undefined

  private constructor(dir: string, ports: readonly [number, number], options: readonly string[]) {
    const isSecure = options.some((option) => option.startsWith('--cert-file='))
    this.#dir = dir
    this.#ports = ports
    this.#options = options
    this.url = `${isSecure ? 'https' : 'http'}://127.0.0.1:${ports[0]}`
  }

  /** Starts an etcd with more options, e.g. `--auth-token=simple`; it ends with the scope. */
  static async start(scope: Scope, ...options: string[]): Promise<Etcd> {
    const dir = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-etcd-`))
    const etcd = new Etcd(dir, [await freePort(), await freePort()], options)
    scope.teardown(async () => {
      await etcd.stop('SIGKILL')
      rmSync(dir, { recursive: true })
    })
    await etcd.start()
    return etcd
  }

  /** Starts it again with the data that it had. Resolves when it answers. */
  async start(): Promise<void> {
    const client = this.url
    const peer = `http://127.0.0.1:${this.#ports[1]}`
    this.#process = spawn(
      'etcd',
      [
        ...['--name=test', `--data-dir=${this.#dir}/data`, '--log-level=error'],
        ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
        ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
        ...[`--initial-cluster=test=${peer}`, '--logger=zap', ...this.#options],
      ],
      { stdio: 'ignore' },
    )
    for (let attempt = 0; attempt < 100; attempt++) {
      if (await listens(this.#ports[0])) return
      await setTimeout(100)
    }
    throw new Error('etcd does not answer')
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** Starts it again with nothing, as after the loss of a disk. */
  async loseData(): Promise<void> {
    await this.stop('SIGKILL')
    rmSync(`${this.#dir}/data`, { recursive: true })
    await this.start()
  }

  /** Keeps a copy of what it has now; it is stopped for that. */
  async backUp(): Promise<void> {
    await this.stop()
    cpSync(`${this.#dir}/data`, `${this.#dir}/copy`, { recursive: true })
    await this.start()
  }

  /** Starts it again with what the copy has. */
  async restore(): Promise<void> {
    await this.stop('SIGKILL')
    rmSync(`${this.#dir}/data`, { recursive: true })
    cpSync(`${this.#dir}/copy`, `${this.#dir}/data`, { recursive: true })
    await this.start()
  }

  /** What etcdctl prints. */
  ctl(...words: string[]): string {
    return runSync([...this.#ctl, ...words])
  }

  /** Does several commands of etcdctl at once, at most 128. */
  async transaction(commands: readonly string[]): Promise<void> {
    const stdin = `\n${commands.join('\n')}\n\n\n`
    const { code, stderr } = await run([...this.#ctl, 'txn'], { stdin })
    if (code !== 0) throw new Error(`etcdctl txn: ${stderr}`)
  }

  get #ctl(): readonly string[] {
    return ['env', 'ETCDCTL_API=3', 'etcdctl', `--endpoints=${this.url}`]
  }
}

/** Whether a client can connect: etcd listens when it has joined its cluster. */
async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false // it is not there yet
  } finally {
    socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
