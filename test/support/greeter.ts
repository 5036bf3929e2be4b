/** A server that only greets, in a process of its own: who asks it blocks meanwhile. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from '../../scripts/lab/node.ts'

const program = join(import.meta.dirname, 'greeter-end.ts')

/** A path for a socket, in a folder of its own: those of tests are too long for one. */
export function socketPath({ teardown }: Scope): string {
  const dir = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-`))
  teardown(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'server/cni.sock')
}

/** Starts the server, and returns what stops it by a signal. */
export async function startGreeter(
  { teardown }: Scope,
  socket: string,
  text: string,
): Promise<(signal: NodeJS.Signals) => Promise<void>> {
  const child = spawn(process.execPath, [program, socket, text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return async (signal) => {
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }
}
