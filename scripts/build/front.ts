/** The front executable, in C: what stands under the plugins' names when there is a compiler. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { formatStamp } from '../../lib/base/stamp.ts'
import { version } from '../../lib/base/version.ts'
import { greeting } from '../../resident/protocol.ts'

const source = join(import.meta.dirname, '../../resident/front.c')
const flags = ['-std=c11', '-O2', '-s', '-Wall', '-Wextra', '-Wconversion', '-Werror']

/** A program that any C compiler with a C library makes something of. */
const probe = '#include <stdio.h>\nint main(void) { return puts("") == EOF; }\n'

/**
 * Compiles the front to `output` with the compiler that CC names, static if that can be. Returns
 * why there is none, or undefined when it is made. Throws when the compiler refuses the source.
 */
export function buildFront(output: string, cc: string | undefined): string | undefined {
  const [compiler = '', ...words] = (cc || 'cc').split(' ')
  const compile = (args: readonly string[], input = '') => {
    const all = [...words, ...flags, ...args, '-o', output]
    const { status, stderr, error } = spawnSync(compiler, all, { input, encoding: 'utf8' })
    if (status === 0) return undefined
    return status === null ? `${error?.message}` : stderr.trim()
  }
  const lack = compile(['-x', 'c', '-'], probe)
  rmSync(output, { force: true })
  if (lack !== undefined) return `there is no C compiler that works: ${lack}`
  const define = `-DGREETING=${JSON.stringify(greeting(version))}`
  const isStatic = compile(['-static', define, source]) === undefined
  const problem = isStatic ? undefined : compile([define, source])
  if (problem !== undefined) throw new Error(`${compiler} cannot compile ${source}: ${problem}`)
  appendFileSync(output, formatStamp(version))
  return undefined
}
