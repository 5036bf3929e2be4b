/** A real etcd for tests, on loopback or on the address of a namespace, with a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Scope } from '../../scripts/lab/node.ts'
import { inside, missingProgram, run, runSync } from '../../scripts/lab/run.ts'

/** The reason to skip what needs etcd, or false. */
export function etcdSkip(): string | false {
  return missingProgram('etcd', 'etcdctl', 'openssl')
}

/** Where clients find it, beside loopback. */
export interface EtcdPlace {
  /** The path of its network namespace. */
  readonly netns: string
  /** An address of that namespace. */
  readonly address: string
}

export class Etcd {
  /** Where clients connect. */
  readonly url: string
  readonly #dir: string
  /** The command line that runs a program where etcd is. */
  readonly #there: (argv: readonly string[]) => readonly string[]
  readonly #ports: readonly [client: number, peer: number]
  readonly #options: readonly string[]
  #process: ChildProcess | undefined

  private constructor(
    dir: string,
    ports: readonly [number, number],
    options: readonly string[],
    place?: EtcdPlace,
  ) {
    const isSecure = options.some((option) => option.startsWith('--cert-file='))
    this.#dir = dir
    this.#ports = ports
    this.#options = options
    this.#there = (argv) => (place === undefined ? argv : inside(place.netns, argv))
    const address = place?.address ?? '127.0.0.1'
    this.url = `${isSecure ? 'https' : 'http'}://${address}:${ports[0]}`
  }

  /** Starts an etcd with more options, e.g. `--auth-token=simple`; it ends with the scope. */
  static async start(scope: Scope, ...options: string[]): Promise<Etcd> {
    const ports = [await freePort(), await freePort()] as const
    return Etcd.#start(scope, (dir) => new Etcd(dir, ports, options))
  }

  /** The same in a namespace that has nothing else. */
  static startAt(scope: Scope, place: EtcdPlace): Promise<Etcd> {
    return Etcd.#start(scope, (dir) => new Etcd(dir, [2379, 2380], [], place))
  }

  static async #start(scope: Scope, make: (dir: string) => Etcd): Promise<Etcd> {
    const dir = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-etcd-`))
    const etcd = make(dir)
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
    const [program = '', ...args] = this.#there([
      'etcd',
      ...['--name=test', `--data-dir=${this.#dir}/data`, '--log-level=error'],
      ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
      ...[`--initial-cluster=test=${peer}`, '--logger=zap', ...this.#options],
    ])
    this.#process = spawn(program, args, { stdio: 'ignore' })
    for (let attempt = 0; attempt < 100; attempt++) {
      if (await this.#listens()) return
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
    return this.#there(['env', 'ETCDCTL_API=3', 'etcdctl', `--endpoints=${this.url}`])
  }

  /** Whether a client can connect: etcd listens when it has joined its cluster. */
  async #listens(): Promise<boolean> {
    const { hostname, port } = new URL(this.url)
    const { code } = await run(this.#there(['bash', '-c', `: < /dev/tcp/${hostname}/${port}`]))
    return code === 0
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
