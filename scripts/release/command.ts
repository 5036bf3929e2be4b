import { spawnSync, type SpawnSyncOptions } from 'node:child_process'

/** Runs a program to its end, its words first. Throws when it fails; its output is the terminal's. */
export function run(words: readonly string[], options: SpawnSyncOptions = {}): void {
  const [program = '', ...args] = words
  const { status, error } = spawnSync(program, args, { stdio: 'inherit', ...options })
  if (status !== 0) throw new Error(`${words.join(' ')}: ${error?.message ?? `status ${status}`}`)
}

/** What a program prints, without the white space around it. Throws when it fails. */
export function output(words: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const [program = '', ...args] = words
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', env })
  if (status === 0) return stdout.trim()
  throw new Error(`${words.join(' ')}: ${error?.message ?? `status ${status}`}: ${stdout}${stderr}`)
}
