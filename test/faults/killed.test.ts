/** Calls that are killed at each system call by which they change something. */
import t, { type Test } from 'tap'
import { kernelSkip, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { callsOf, callWithFault, type Fault, type Faulty } from '../support/fault-injection.ts'
import { sample, sized } from '../support/fault-size.ts'
import { stateOf, type Subject, subjects } from '../support/fault-subject.ts'
import { firewallSkip } from '../support/firewall.ts'
import { globalCidrs } from '../support/ip.ts'
import type { Output } from '../support/plugin-call.ts'
import { isChange, straceSkip, title } from '../support/system-calls.ts'

const skip = kernelSkip() || straceSkip() || firewallSkip()

/** Within so many ms whatever was killed has to be healed by the next call. */
const maxHealMs = 3000

/** What comes after a killed call: who heals what it left. */
const cures: Readonly<Record<string, (t: Test, killed: Faulty) => Promise<void>>> = {
  /** The runtime removes the pod. */
  async DEL(t, killed) {
    await soon(t, killed, 'DEL', killed.pod)
  },

  /** It tries again with the same one. */
  async ADD(t, killed) {
    const { network, pod } = killed
    const prevResult = await soon(t, killed, 'ADD', pod)
    await network.silent('CHECK', pod, { prevResult })
    await network.silent('DEL', pod)
  },

  /** Another pod comes first. */
  async neighbour(t, killed) {
    const { network, pod } = killed
    const neighbour = killed.addPod()
    const prevResult = await soon(t, killed, 'ADD', neighbour)
    const taken = globalCidrs(pod, 'eth0')
    for (const { address } of prevResult.ips ?? []) {
      t.notOk(taken.includes(address), `${address} is not the killed one's too`)
    }
    await soon(t, killed, 'DEL', pod)
    await network.silent('CHECK', neighbour, { prevResult })
    await network.silent('DEL', neighbour)
  },
}

/**
 * A runtime that tries again takes a new container. Whoever adds the same one has to remove it
 * first as far as host-local goes, as with Go's; the others heal it.
 */
function curesOf({ plugin, command, call }: Omit<Fault, 'fault'>): string[] {
  const all = Object.keys(cures)
  // an attachment that only lost its result is complete: nobody can tell it from a pod that runs
  const isComplete = command === 'DEL' || call.object === 'stdout'
  return isComplete || plugin === 'host-local' ? all.filter((cure) => cure !== 'ADD') : all
}

for (const plugin of Object.keys(subjects)) {
  for (const command of ['ADD', 'DEL']) {
    t.test(`${plugin} ${command}`, { skip }, async (t) => {
      const expected = await stateOfUse(plugin, t)
      const calls = (await callsOf(plugin, command, t)).filter(isChange)
      t.ok(calls.length > 0, `it makes ${calls.length} calls that change something`)
      for (const [index, call] of sample(calls, 2).entries()) {
        const all = curesOf({ plugin, command, call })
        for (const cure of sized(all, [all[index % all.length] ?? 'DEL'])) {
          await t.test(`killed in ${title(call)}: ${cure}`, (t) =>
            heals(t, { plugin, command, call, fault: 'signal=KILL' }, cure, expected),
          )
        }
      }
    })
  }
}

/** What one pod leaves on a node that comes and goes without a fault. */
async function stateOfUse(plugin: string, scope: Scope): Promise<object> {
  const subject = subjects[plugin]?.(scope)
  if (subject === undefined) throw new Error(`${plugin} is not among the subjects`)
  await use(subject, subject.pod)
  return stateOf(subject)
}

async function use({ network }: Subject, pod: Pod): Promise<void> {
  const prevResult = await network.attach(pod)
  await network.silent('CHECK', pod, { prevResult })
  await network.silent('DEL', pod)
}

async function heals(t: Test, fault: Fault, cure: string, expected: object): Promise<void> {
  const killed = await callWithFault(fault, t)
  t.not(killed.reply.code, 0, killed.reply.stdout)
  await cures[cure]?.(t, killed)
  t.strictSame(killed.traces(), [])
  await use(killed, killed.addPod())
  t.strictSame(stateOf(killed), expected, 'as if the killed call had never been')
}

/** Runs the command that heals, which may say on stderr what it found. */
async function soon(t: Test, { network }: Subject, command: string, pod: Pod): Promise<Output> {
  const started = Date.now()
  const { code, stdout, json } = await network.call(command, pod)
  const took = Date.now() - started
  t.equal(code, 0, stdout)
  t.ok(took < maxHealMs, `${command} took ${took} ms, at most ${maxHealMs}`)
  return json
}
