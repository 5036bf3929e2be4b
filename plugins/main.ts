/**
 * The one entry of the one executable: it has all plugins in it, and the name it is called by says
 * which one it is. From source that is `node plugins/main.ts bridge`.
 */
import { basename } from 'node:path'
import { hostLocal } from '../ipam/host-local/index.ts'
import { createDelegate } from '../lib/cni/delegate.ts'
import { createProcessHost, exitNow, runProcess } from '../lib/cni/host-process.ts'
import { createInvoker } from '../lib/cni/invoker.ts'
import type { Plugin } from '../lib/cni/plugin.ts'
import { runServer } from '../lib/resident/host-server.ts'
import { portOfThread, threadArgument } from '../lib/resident/thread.ts'
import { serveCalls } from '../lib/resident/worker.ts'
import { writeAll } from '../lib/stdio.ts'
import { bridge } from './bridge/index.ts'
import { cniCommand, pluginTimeoutMs, type ExitStatus } from './cni/index.ts'
import { flannel } from './flannel/index.ts'
import { loopback } from './loopback/index.ts'
import { portmap } from './portmap/index.ts'

const plugins: readonly Plugin[] = [flannel, bridge, hostLocal, portmap, loopback]

const names = [...plugins, cniCommand].map((each) => each.name)

const isSource = basename(process.argv[1] ?? '') === 'main.ts'
const [name = '', ...args] = isSource
  ? process.argv.slice(2)
  : [basename(process.argv0), ...process.argv.slice(2)]

const plugin = plugins.find((candidate) => candidate.name === name)
if (plugin !== undefined) {
  runProcess(plugin, plugins)
} else if (name === 'cni' && args[0] === threadArgument) {
  const port = portOfThread()
  if (port !== null) serveCalls(port, plugins, Number(args[1]))
  else writeAll(2, `cni ${threadArgument} is a part of cni serve: start that\n`)
} else if (name === 'cni') {
  const status = runCommand()
  if (typeof status === 'number') exitNow(status)
  else void status.then(exitNow)
} else {
  writeAll(2, `this executable is ${names.join(', ')}, by the name it is called by; not ${name}\n`)
  exitNow(1)
}

function runCommand(): ExitStatus | Promise<ExitStatus> {
  const host = createProcessHost(plugins)
  return cniCommand.run(args, process.env, {
    version: host.version,
    cwd: process.cwd(),
    executable: process.execPath,
    names,
    userId: process.geteuid?.() ?? 0, // absent on Windows only
    readFront,
    // A process of its own for each plugin, as a container runtime has it.
    invoker: createInvoker(
      createDelegate({
        ...host,
        isSelf: () => false,
        dispatch: () => undefined,
        timeoutMs: pluginTimeoutMs,
      }),
    ),
    serveCalls: (socket) =>
      runServer({ socket, version: host.version, entry: process.argv[1] ?? '' }),
    now: () => host.now(),
    writeStdout: (text) => writeAll(1, text),
    writeStderr: host.writeStderr,
  })
}

/** The build puts it into the executable when there is a C compiler. */
function readFront(): Uint8Array | undefined {
  const sea = process.getBuiltinModule('node:sea')
  if (!sea.isSea() || !sea.getAssetKeys().includes('front')) return undefined
  return new Uint8Array(sea.getRawAsset('front'))
}
