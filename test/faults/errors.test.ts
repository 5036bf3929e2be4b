/** System calls that fail, one in each call: an error object that says which, and no traces. */
import t, { type Test } from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { callsOf, callWithFault } from '../support/fault-injection.ts'
import { sample, sized } from '../support/fault-size.ts'
import { subjects } from '../support/fault-subject.ts'
import { firewallSkip } from '../support/firewall.ts'
import type { Reply } from '../support/plugin-call.ts'
import { straceSkip, type SystemCall, title } from '../support/system-calls.ts'

const skip = kernelSkip() || straceSkip() || firewallSkip()

/** The errors of system calls, and below how people read them. */
const errors: Readonly<Record<string, readonly string[]>> = {
  openat: ['ENOSPC', 'EMFILE', 'EACCES', 'EIO'],
  sendto: ['ENOBUFS', 'EBUSY', 'EINTR'],
  recvfrom: ['ENOBUFS', 'EINTR'],
  write: ['ENOSPC', 'EIO'],
  mkdir: ['ENOSPC', 'EACCES'],
  rmdir: ['EACCES', 'EIO'],
  link: ['ENOSPC', 'EIO'],
  symlink: ['ENOSPC', 'EIO'],
  unlink: ['EACCES', 'EIO'],
  rename: ['ENOSPC', 'EIO'],
  utimensat: ['EACCES', 'EIO'],
}

/** Those of a call: a socket that tells how long a message is has it, too. */
function errorsOf({ name, object }: SystemCall): readonly string[] {
  return object === 'message' ? [] : (errors[name] ?? [])
}

const texts: Readonly<Record<string, RegExp>> = {
  ENOSPC: /no space left on device/,
  EMFILE: /too many open files/,
  EACCES: /permission denied/,
  EIO: /input\/output error/,
  ENOBUFS: /no buffer space available/,
  EBUSY: /busy/,
  EINTR: /^$/, // never an answer: the call is made again
}

for (const plugin of Object.keys(subjects)) {
  for (const command of ['ADD', 'DEL']) {
    t.test(`${plugin} ${command}`, { skip }, async (t) => {
      const calls = (await callsOf(plugin, command, t)).filter(
        (call) => errorsOf(call).length > 0 && call.object !== 'stdout',
      )
      for (const [index, call] of sample(calls, 3).entries()) {
        const all = errorsOf(call)
        for (const error of sized(all, [all[index % all.length] ?? 'EIO'])) {
          await t.test(`${error} of ${title(call)}`, (t) =>
            fails(t, { plugin, command, call, error }),
          )
        }
      }
    })
  }
}

interface Case {
  readonly plugin: string
  readonly command: string
  readonly call: SystemCall
  readonly error: string
}

async function fails(t: Test, { plugin, command, call, error }: Case): Promise<void> {
  const fault = { plugin, command, call, fault: `error=${error}` }
  const { network, pod, traces, reply } = await callWithFault(fault, t)
  t.notMatch(reply.stdout + reply.stderr, /^\s+at .*:\d+|node:internal|cni\.cjs/m)
  if (reply.code !== 0) saysWhy(t, reply, error)
  if (reply.code !== 0 && command === 'ADD') t.strictSame(traces(), [], 'rolled back')
  if (reply.code === 0 && command === 'ADD') {
    await network.silent('CHECK', pod, { prevResult: reply.json })
  }
  const { code, stdout } = await network.call('DEL', pod)
  t.equal(code, 0, stdout)
  t.strictSame(traces(), [])
}

function saysWhy(t: Test, { code, stdout, json }: Reply, error: string): void {
  t.equal(code, 1)
  t.match(`${json.msg} ${json.details}`, texts[error] ?? error, stdout)
}
