/**
 * What the executable starts with: the bundle, with the machine code of all its functions. The
 * cache that Node makes itself holds what loading runs; the functions of a call would be compiled
 * in every process anew. A cache that does not fit this Node is ignored, which costs time only.
 */
const { getRawAsset } = require('node:sea')
const { Script } = require('node:vm')

const source = Buffer.from(getRawAsset('bundle')).toString('latin1')
const cachedData = Buffer.from(getRawAsset('code-cache'))
const start = new Script(source, { filename: 'cni.cjs', cachedData }).runInThisContext()
start(exports, require, module)
