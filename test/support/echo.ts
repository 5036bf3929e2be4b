/** Servers that say who they are and who asks, and who asks them: where do packets go? */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Namespace, Scope } from '../../scripts/lab/node.ts'
import { inside } from '../../scripts/lab/run.ts'

/** A process in a namespace. It does one thing at a time. */
export interface End {
  /** Answers on a TCP and a UDP port, on every address, from then on. */
  serve(name: string, port: number): Promise<void>
  /** `NAME saw ADDRESS`, or nothing when nobody answers within a second. */
  ask(protocol: 'tcp' | 'udp', address: string, port: number, localPort?: number): Promise<string>
}

/** Starts the process, which ends with the scope. */
export function openEnd(scope: Scope, { netns }: Namespace): End {
  const program = [process.execPath, join(import.meta.dirname, 'echo-end.ts')]
  const [file = '', ...args] = inside(netns, program)
  const end = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(end, 'close')
  scope.teardown(async () => {
    end.kill('SIGKILL')
    await closed
  })
  const lines = createInterface(end.stdout)[Symbol.asyncIterator]()
  const command = async (...words: (string | number)[]): Promise<string> => {
    end.stdin.write(`${words.join(' ')}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`the process that was to ${words.join(' ')} has ended`)
    return value
  }
  return {
    async serve(name, port) {
      await command('serve', name, port)
    },
    ask: (protocol, address, port, localPort = 0) =>
      command('ask', protocol, address, port, localPort),
  }
}
