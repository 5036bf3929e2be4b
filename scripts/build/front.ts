/** The front executable, in C: what stands under the plugins' names when there is a compiler. */
import { spawnSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { greeting } from '../../lib/resident/protocol.ts'
import { formatStamp } from '../../lib/stamp.ts'
import { version } from '../../lib/version.ts'

const source = join(import.meta.dirname, '../../plugins/front.c')
const flags = ['-std=c11', '-O2', '-s', '-Wall', '-Wextra', '-Wconversion', '-Werror']

/**
 * Compiles the front to `output` with the compiler that CC names, static if that can be. Returns
 * why there is none, or undefined when it is made. Throws when the compiler refuses the source.
 */
export function buildFront(output: string): string | undefined {
  const compiler = process.env['CC'] || 'cc'
  const define = `-DGREETING=${JSON.stringify(greeting(version))}`
  let problem = ''
  for (const linking of [['-static'], []]) {
    const args = [...flags, ...linking, define, source, '-o', output]
    const { status, stderr, error } = spawnSync(compiler, args, { encoding: 'utf8' })
    if (error !== undefined) return `there is no C compiler (${error.message})`
    if (status === 0) {
      appendFileSync(output, formatStamp(version))
      return undefined
    }
    problem = stderr
  }
  throw new Error(`${compiler} cannot compile ${source}: ${problem}`)
}
