/**
 * Here begins the command that a person types: the entry of the executable under the name `cni`, in
 * its first thread and in those of `cni serve` that serve calls of plugins. It gives the command its
 * process, and `index.ts` does the rest. From source that is `node commands/main.ts ps`. A call of a
 * plugin by a runtime begins in `plugins/main.ts`; that of `cni add` too, for it starts plugins as
 * a runtime does.
 */
import { createDelegate } from '../lib/cni/delegate.ts'
import { executing } from '../lib/cni/executed-delegate.ts'
import { createProcessHost, exitNow } from '../lib/cni/host-process.ts'
import { createInvoker } from '../lib/cni/invoker.ts'
import { TimeLimits } from '../lib/cni/time-limits.ts'
import { writeAll } from '../lib/linux/stdio.ts'
import { createPlugins, executableNames, plugins } from '../plugins/plugin-set.ts'
import { runServer } from '../resident/host-server.ts'
import { portOfThread, threadArgument } from '../resident/thread.ts'
import { serveCalls } from '../resident/worker.ts'
import { cniCommand, type ExitStatus, pluginTimeoutMs } from './index.ts'

const args = process.argv.slice(2)

if (args[0] === threadArgument) {
  const port = portOfThread()
  if (port !== null) serveCalls(port, createPlugins, Number(args[1]))
  else writeAll(2, `cni ${threadArgument} is a part of cni serve: start that\n`)
} else {
  const status = runCommand()
  if (typeof status === 'number') exitNow(status)
  else void status.then(exitNow)
}

function runCommand(): ExitStatus | Promise<ExitStatus> {
  const host = createProcessHost(plugins)
  return cniCommand.run(args, process.env, {
    version: host.version,
    cwd: currentFolder(),
    executable: process.execPath,
    names: executableNames,
    userId: process.geteuid?.() ?? 0, // absent on Windows only
    readFront,
    // A process of its own for each plugin, as a container runtime has it.
    invoker: createInvoker(
      createDelegate(executing({ ...host, timeLimits: new TimeLimits(host.now, pluginTimeoutMs) })),
    ),
    serveCalls: (socket) =>
      runServer({ socket, version: host.version, entry: process.argv[1] ?? '' }),
    now: () => host.now(),
    writeStdout: (text) => writeAll(1, text),
    writeStderr: host.writeStderr,
  })
}

/** The folder of a shell may have been removed: then no path is found that is relative to it. */
function currentFolder(): string {
  try {
    return process.cwd()
  } catch {
    return '/proc/self/cwd'
  }
}

/** The build puts it into the executable when there is a C compiler. */
function readFront(): Uint8Array | undefined {
  const sea = process.getBuiltinModule('node:sea')
  if (!sea.isSea() || !sea.getAssetKeys().includes('front')) return undefined
  return new Uint8Array(sea.getRawAsset('front'))
}
