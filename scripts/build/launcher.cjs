/**
 * What the executable starts with: one of its bundles, with the machine code of all its functions.
 * The cache that Node makes itself holds what loading runs; the functions of a call would be
 * compiled in every process anew. A cache that does not fit this Node is ignored, which costs time
 * only.
 */
const { basename } = require('node:path')
const { getRawAsset } = require('node:sea')
const { Script } = require('node:vm')

const called = basename(process.argv0)
const name = ['cni', 'flanneld'].includes(called) ? called : 'plugins'
const source = Buffer.from(getRawAsset(name)).toString('latin1')
const cachedData = Buffer.from(getRawAsset(`${name}.code-cache`))
const start = new Script(source, { filename: `${name}.cjs`, cachedData }).runInThisContext()
start(exports, require, module)
