/** V8's code cache of a bundle: the same bytes whenever and wherever it is made. */
import { spawnSync } from 'node:child_process'
import { Script } from 'node:vm'

/** A bundle as a function of what a CommonJS module has: the launcher compiles exactly this. */
export function wrapBundle(bundle: string): string {
  // Text of one byte for each character can be compiled without decoding it.
  if (/[^\0-\x7f]/.test(bundle)) throw new Error('the bundle must be ASCII')
  return `(function(exports,require,module){${bundle}\n})`
}

/** Prints the cache of the source on stdin. A cache is only accepted by the same flags. */
const compiler = `
const { setFlagsFromString } = require('node:v8')
const { readFileSync, writeSync } = require('node:fs')
setFlagsFromString('--no-lazy')
const script = new (require('node:vm').Script)(readFileSync(0, 'latin1'), { filename: process.argv[1] })
setFlagsFromString('--lazy')
const cache = script.createCachedData()
for (let written = 0; written < cache.length;) written += writeSync(1, cache, written)
`

/** The order in which V8 writes functions and strings down depends on these. */
const seeds = ['--hash-seed=1', '--random-seed=1']

/**
 * V8's code cache of a source with all its functions, not only those that ran. Throws when the V8 of
 * this process would not take it.
 */
export function compileAll(source: string, filename: string): Buffer {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...seeds, '--eval', compiler, filename],
    { input: source, maxBuffer: 64 * 1024 * 1024 },
  )
  if (status !== 0) throw new Error(`compiling ${filename}: ${stderr}`)
  const cachedData = withFlagsOf(new Script('').createCachedData(), stdout)
  if (new Script(source, { filename, cachedData }).cachedDataRejected !== false) {
    throw new Error('V8 does not accept its own code cache')
  }
  return cachedData
}

/**
 * The cache with the hash of the flags that another one was made with. Seeds count among the flags,
 * but what they change is made anew when a cache is loaded: without them each process has others.
 */
function withFlagsOf(other: Buffer, cache: Buffer): Buffer {
  const flagHash = 12 // SerializedCodeData::kFlagHashOffset, v8/src/snapshot/code-serializer.h
  const changed = Buffer.from(cache)
  other.copy(changed, flagHash, flagHash, flagHash + 4)
  return changed
}
