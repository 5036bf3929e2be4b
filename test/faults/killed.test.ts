/** Calls that are killed at each system call by which they change something. */
import t, { type Test } from 'tap'
import { firewallSkip } from '../support/firewall.ts'
import { sample, sized } from '../support/fault-size.ts'
import { callsOf, prepare, subjects } from '../support/fault-subject.ts'
import { kernelSkip } from '../support/node.ts'
import { injecting, straceSkip, title, type SystemCall } from '../support/system-calls.ts'

const skip = kernelSkip() || straceSkip() || firewallSkip()
/** For 2 s the lock of a dead call counts; the rest is for a busy machine. */
const maxHealMs = 4000
const nobody = { 'cni.dev/valid-attachments': [] }

/**
 * What heals a killed call: the runtime removes the pod, or tries it again. host-local refuses a
 * second address to a container, as Go's does.
 */
function curesOf(plugin: string, command: string): readonly string[] {
  return plugin === 'flannel' && command === 'ADD' ? ['DEL', 'ADD'] : ['DEL']
}

for (const plugin of Object.keys(subjects)) {
  for (const command of ['ADD', 'DEL']) {
    t.test(`${plugin} ${command}`, { skip }, async (t) => {
      const calls = (await callsOf(plugin, command, t)).filter(({ name }) => name !== 'recvfrom')
      t.ok(calls.length > 2, `it makes ${calls.length} calls that change something`)
      for (const [index, call] of sample(calls, 5).entries()) {
        const all = curesOf(plugin, command)
        for (const cure of sized(all, [all[index % all.length] ?? 'DEL'])) {
          await t.test(`killed in ${title(call)}: ${cure}`, (t) =>
            heals(t, { plugin, command, call, cure }),
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
  readonly cure: string
}

async function heals(t: Test, { plugin, command, call, cure }: Case): Promise<void> {
  const { network, pod, traces } = await prepare(plugin, command, t)
  const killed = await network.call(command, pod, {}, { argv: injecting(call, 'signal=KILL') })
  t.not(killed.code, 0, killed.stdout)
  const started = Date.now()
  const { code, stdout } = await network.call(cure, pod)
  t.ok(Date.now() - started < maxHealMs, `${cure} took ${Date.now() - started} ms`)
  t.equal(code, 0, stdout)
  if (cure === 'ADD') await network.silent('CHECK', pod, { prevResult: JSON.parse(stdout) })
  if (cure === 'ADD') await network.silent('DEL', pod)
  // a file that host-local had not yet given a name takes no address, and stays until GC
  t.strictSame(
    traces().filter((name) => !name.startsWith('.new-')),
    [],
  )
  await network.silent('GC', pod, nobody)
  t.strictSame(traces(), [])
}
