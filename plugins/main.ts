/**
 * The one entry of the one executable: it has all plugins in it, and the name it is called by says
 * which one it is.
 */
import { basename } from 'node:path'
import { hostLocal } from '../ipam/host-local/index.ts'
import { runProcess } from '../lib/cni/host-process.ts'
import type { Plugin } from '../lib/cni/plugin.ts'
import { bridge } from './bridge/index.ts'
import { flannel } from './flannel/index.ts'
import { loopback } from './loopback/index.ts'

const plugins: readonly Plugin[] = [flannel, bridge, hostLocal, loopback]

// From source this is `node plugins/main.ts bridge`; the executable is called as `bridge`.
const name = [process.argv0, process.argv[2] ?? ''].map((path) => basename(path))
const plugin = plugins.find((candidate) => name.includes(candidate.name))

if (plugin === undefined) {
  const names = plugins.map((candidate) => candidate.name).join(', ')
  process.stderr.write(`this executable is one of ${names}, by the name it is called by\n`)
  process.exitCode = 1
} else {
  runProcess(plugin, plugins)
}
