/**
 * Runs a case of flannel, on a node that is one folder: subnet.env, what flannel saves, and plugins
 * that write down how they are called. flannel itself does nothing else.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { run } from '../../scripts/lab/run.ts'
import type { Call, Case } from './case.ts'

/** A call of a delegate. */
export interface DelegateCall {
  readonly type: string
  readonly stdin: string
  /** The variables that it has not from flannel's caller; null where it lacks one. */
  readonly env?: Readonly<Record<string, string | null>>
}

/** What was seen of a step: what is left out was empty, or 0. */
export interface Seen {
  readonly code?: number | null
  readonly stdout?: string
  readonly calls?: readonly DelegateCall[]
  /** The files in the data folder. */
  readonly saved?: Readonly<Record<string, string>>
}

/** The start of every delegate's script: it writes down its stdin and its environment. */
export const recorder = `#!/bin/sh
call="$DIR/calls/$(ls "$DIR/calls" | wc -l)"
mkdir "$call"
cat > "$call/\${0##*/}"
env > "$call/env"
`

/** Runs a case with the flannel executable at `file`. */
export async function runFlannel({ conf, files = {}, steps }: Case, file: string): Promise<Seen[]> {
  const dir = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-`))
  try {
    mkdirSync(join(dir, 'calls'))
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), content, { mode: path.startsWith('bin/') ? 0o755 : 0o600 })
    }
    const seen: Seen[] = []
    for (const step of steps) {
      if ('shell' in step) {
        await run(['sh', '-e', '-c', step.shell], { cwd: dir, env: process.env })
        seen.push({})
      } else seen.push(await call(dir, file, conf, step))
    }
    return JSON.parse(JSON.stringify(seen).replaceAll(dir, '$DIR')) as Seen[] // as they were
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/**
 * Runs a program with these variables only, and not those that tap adds, where the machine's own
 * /run/flannel cannot be seen: a case may lead there.
 */
function alone(file: string, env: Readonly<Record<string, string>>): string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const script = 'mount -t tmpfs tmpfs /run; exec "$@"'
  return ['unshare', '--mount', 'sh', '-ec', script, 'sh', 'env', '-i', ...variables, file]
}

async function call(dir: string, file: string, conf: object, step: Call): Promise<Seen> {
  const replace = (text: string) => text.replaceAll('$DIR', dir)
  const env = environment(dir, step)
  const stdin = replace(step.stdin ?? JSON.stringify({ ...conf, ...step.conf }))
  const { code, stdout } = await run(alone(file, env), { stdin, cwd: dir })
  const calls = takeCalls(dir, env)
  const saved = savedIn(join(dir, 'flannel'), calls)
  return {
    ...(code !== 0 && { code }),
    ...(stdout !== '' && { stdout }),
    ...(calls.length > 0 && { calls }),
    ...(Object.keys(saved).length > 0 && { saved }),
  }
}

function environment(dir: string, { command, env = {} }: Call): Record<string, string> {
  const all = {
    PATH: process.env['PATH'],
    DIR: dir,
    FLANNEL_CNI_SOCKET: '',
    CNI_COMMAND: command,
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '/run/netns/none',
    CNI_IFNAME: 'eth0',
    CNI_PATH: join(dir, 'bin'),
    ...env,
  }
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/** What the shell of a delegate's script sets itself. */
const ofShell = ['PWD', 'OLDPWD', 'SHLVL', '_']

function takeCalls(dir: string, given: Readonly<Record<string, string>>): DelegateCall[] {
  const folder = join(dir, 'calls')
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const [type = ''] = readdirSync(join(folder, name)).filter((file) => file !== 'env')
      const stdin = readFileSync(join(folder, name, type), 'utf8')
      const env = difference(given, readFileSync(join(folder, name, 'env'), 'utf8'))
      rmSync(join(folder, name), { recursive: true })
      return { type: basename(type), stdin, ...(Object.keys(env).length > 0 && { env }) }
    })
}

function difference(given: Readonly<Record<string, string>>, text: string) {
  const lines = text.split('\n').filter((line) => line !== '')
  const has = Object.fromEntries(
    lines.map((line) => [line.replace(/=.*/, ''), line.replace(/^[^=]*=/, '')]),
  )
  const names = new Set([...Object.keys(given), ...Object.keys(has)])
  const differing = [...names].filter(
    (name) => !ofShell.includes(name) && given[name] !== has[name],
  )
  return Object.fromEntries(differing.sort().map((name) => [name, has[name] ?? null]))
}

/** Stands for a text that a delegate has just been called with. */
const asCalled = '<what the delegate got>'

function savedIn(folder: string, calls: readonly DelegateCall[]): Record<string, string> {
  if (!existsSync(folder)) return {}
  const entries = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    if (!entry.isFile()) return [entry.name, '<no file>'] as const
    const text = readFileSync(join(folder, entry.name), 'utf8')
    return [entry.name, calls.some(({ stdin }) => stdin === text) ? asCalled : text] as const
  })
  return Object.fromEntries(entries.sort())
}
