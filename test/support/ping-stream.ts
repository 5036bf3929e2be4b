/** Pings that go on while something else happens. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Namespace, Scope } from '../../scripts/lab/node.ts'
import { inside } from '../../scripts/lab/run.ts'

/** What became of the pings. */
export interface PingResult {
  readonly answered: number
  /** How many of those before the last answered one were not. */
  readonly lost: number
  /** What else ping said, as of hosts that cannot be reached. */
  readonly said: readonly string[]
}

export interface PingStream {
  /** Ends it. */
  stop(): Promise<PingResult>
}

/** Pings an address from the namespace every 10 ms, until it is stopped or the scope ends. */
export function startPings(scope: Scope, { netns }: Namespace, address: string): PingStream {
  const [program = '', ...args] = inside(netns, ['ping', '-n', '-i', '0.01', address])
  const ping = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  scope.teardown(() => void ping.kill('SIGKILL'))
  let text = ''
  for (const stream of [ping.stdout, ping.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (text += part))
  }
  const ended = once(ping, 'close')
  return {
    async stop() {
      ping.kill('SIGINT')
      await ended
      return resultOf(text)
    },
  }
}

function resultOf(text: string): PingResult {
  const seen = new Set(
    Array.from(text.matchAll(/icmp_seq=(\d+) ttl=/g), ([, number]) => Number(number)),
  )
  const last = Math.max(0, ...seen)
  const said = text.split('\n').filter((line) => /unreachable|exceeded|DUP|sendmsg/i.test(line))
  return { answered: seen.size, lost: last - seen.size, said }
}
