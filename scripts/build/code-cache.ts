import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'

/** A bundle as a function of what a CommonJS module has: the launcher compiles exactly this. */
export function wrapBundle(bundle: string): string {
  // Text of one byte for each character can be compiled without decoding it.
  if (/[^\0-\x7f]/.test(bundle)) throw new Error('the bundle must be ASCII')
  return `(function(exports,require,module){${bundle}\n})`
}

/** V8's code cache of a source with all its functions, not only those that ran. */
export function compileAll(source: string): Buffer {
  setFlagsFromString('--no-lazy')
  const script = new Script(source, { filename: 'cni.cjs' })
  // A cache is only accepted by the same flags.
  setFlagsFromString('--lazy')
  const cachedData = script.createCachedData()
  if (new Script(source, { filename: 'cni.cjs', cachedData }).cachedDataRejected !== false) {
    throw new Error('V8 does not accept its own code cache')
  }
  return cachedData
}
