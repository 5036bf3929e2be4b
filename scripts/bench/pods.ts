/** Namespaces for pods, made and removed in bulk. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runSync } from '../lab/run.ts'
import type { Pod } from './calls.ts'

/** Makes so many, named after this process; they are removed with the scope. */
export function makePods(dir: string, count: number, scope: AsyncDisposableStack): Pod[] {
  const names = Array.from({ length: count }, (_, index) => `cnits-${process.pid}-pod${index}`)
  const pods = names.map((name, index) => ({
    containerId: name,
    netns: `/run/netns/${name}`,
    hostPort: 20_000 + index,
  }))
  scope.defer(() => {
    const made = pods.filter(({ netns }) => existsSync(netns))
    const deletions = made.map(({ containerId }) => `netns delete ${containerId}`)
    ipBatch(dir, [], deletions)
  })
  const additions = names.map((name) => `netns add ${name}`)
  ipBatch(dir, [], additions)
  return pods
}

/** Has one ip(8) with these options carry out many commands; the first that fails ends it. */
export function ipBatch(
  dir: string,
  options: readonly string[],
  commands: readonly string[],
): void {
  const file = join(dir, 'ip-batch')
  writeFileSync(file, commands.map((command) => `${command}\n`).join(''))
  runSync(['ip', ...options, '-batch', file])
}
