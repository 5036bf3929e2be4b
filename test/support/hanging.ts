/** Programs that never end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Scope } from '../../scripts/lab/node.ts'

/** Makes a program in the folder that hangs, with a child that keeps its output open. */
export function makeHanging(folder: string, name: string): string {
  const path = join(folder, name)
  writeFileSync(path, '#!/bin/sh\nsleep 130\n')
  chmodSync(path, 0o755)
  return path
}

/** Holds flock(2) on a file, which is made, until the test ends; returns the process ID. */
export async function holdLock(scope: Scope, file: string): Promise<number> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const { pid } = holder
  if (pid === undefined) throw new Error('flock could not be started')
  scope.teardown(() => process.kill(-pid))
  await once(holder.stdout, 'data')
  return pid
}
