/**
 * The whole suite through the resident server: with CNI_TEST_RESIDENT, the name of a file, every
 * node of a test has a server from its first call on. What servers say goes to that file.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { binDir } from '../../scripts/lab/executables.ts'
import { inside } from '../../scripts/lab/run.ts'

const log = process.env['CNI_TEST_RESIDENT'] ?? ''
const sockets = new Map<string, Promise<string>>()
const started: { readonly child: ChildProcess; readonly folder: string }[] = []

process.once('exit', () => {
  for (const { child, folder } of started) {
    child.kill('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The socket of the server in a network namespace; undefined when there are to be none. */
export async function residentSocket(netns: string): Promise<string | undefined> {
  if (log === '') return undefined
  let socket = sockets.get(netns)
  if (socket === undefined) {
    socket = start(netns)
    sockets.set(netns, socket)
  }
  return socket
}

async function start(netns: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-`))
  const socket = join(folder, 'cni.sock')
  const [program = '', ...args] = inside(netns, [
    join(binDir(), 'cni'),
    'serve',
    '--socket',
    socket,
  ])
  const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'ignore', openSync(log, 'a')] })
  child.unref() // it does not keep a test from ending, and ends with it
  started.push({ child, folder })
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error(`cni serve ended with ${child.exitCode}: ${log}`)
    await setTimeout(5)
  }
  return socket
}
