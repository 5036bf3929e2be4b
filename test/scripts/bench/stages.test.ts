import t from 'tap'
import { medianStages, stagesOf } from '../../../scripts/bench/stages.ts'
import { parseTrace } from '../../../scripts/bench/trace.ts'

/** A trace of calls at these times, in ms, each of which takes half a millisecond. */
function traceOf(...calls: [pid: number, ms: number, text: string][]) {
  const lines = calls.map(
    ([pid, ms, text]) => `${pid} ${(ms / 1000).toFixed(6)} ${text} <0.000500>`,
  )
  return parseTrace(lines.join('\n'))
}

const add = traceOf(
  [10, 0, 'execve("/tmp/caller", []) = 0'],
  [11, 2, 'clone3({flags=CLONE_VM|CLONE_VFORK}, 88) = 12'],
  [12, 3, 'execve("/bin/flannel", []) = 0'],
  [12, 4, 'execve("/bin/cni", []) = 0'],
  [13, 20, 'read(0, "", 1) = 0'],
  [12, 30, 'read(0, "{}", 65536) = 2'],
  [12, 31, 'read(0, "", 65536) = 0'],
  [12, 32, 'sendto(5, [{nlmsg_len=1, nlmsg_type=0x12 /* NLMSG_??? */}], 1) = 1'],
  [12, 33, 'recvfrom(5, [{nlmsg_len=1, nlmsg_type=RTM_NEWLINK}], 1) = 1'],
  [12, 34, 'flock(6, LOCK_EX|LOCK_NB) = 0'],
  [12, 35, 'mkdir("/n/cbr0/lock.lock", 0777) = 0'],
  [12, 37, 'rmdir("/n/cbr0/lock.lock") = 0'],
  [12, 38, 'sendto(5, [[{nlmsg_type=RTM_NEWLINK}], [{nlmsg_type=0x18 /* NLMSG_??? */}]], 2) = 2'],
  [12, 39, 'write(1, "{}", 2) = 2'],
  [12, 41, 'exit_group(0) = ?'],
  [11, 3, 'wait4(12, [{WIFEXITED(s)}], 0, {}) = 12'],
)

/** The same call, in which the caller's wait ends when the plugin has. */
const whole = add.map((call) => (call.name === 'wait4' ? { ...call, end: 45 } : call))

t.test('the stages of an ADD add up to the whole', async (t) => {
  const stages = stagesOf(whole)
  t.strictSame(
    stages.map(({ name, ms }) => `${ms.toFixed(1)} ${name}`),
    [
      '1.5 the process is made',
      '1.0 the front executes cni',
      '25.5 Node starts, and loads the plugins',
      '0.5 the configuration is checked',
      '1.5 RTM_GETLINK',
      '1.5 host-local takes the lock',
      '2.0 host-local works under the lock',
      '0.5 RTM_NEWLINK and RTM_NEWROUTE',
      '0.5 the result is written',
      '1.5 Node stops',
      '4.0 the process is gone',
      '3.0 between them: the plugin’s own code',
    ],
  )
  t.equal(Math.round(stages.reduce((sum, { ms }) => sum + ms, 0)), 43)
})

t.test('a call without front, lock and result', async (t) => {
  const few = whole.filter(({ name, text }) => !/front|flock|dir|write/.test(name + text))
  const names = stagesOf(few.filter(({ text }) => !text.includes('/bin/cni'))).map((it) => it.name)
  t.notOk(names.some((name) => /front|lock|result/.test(name)))
})

t.test('what is no trace of a plugin is refused', async (t) => {
  t.throws(() => stagesOf([]), { message: /no execve/ })
  t.throws(() => stagesOf(whole.slice(0, -1)), { message: /no wait4/ })
})

t.test('medians of stages, of the same name apart', async (t) => {
  const round = (...ms: number[]) =>
    ms.map((each, index) => ({ name: 'aab'.charAt(index), ms: each }))
  t.strictSame(medianStages([round(1, 10, 5), round(3, 30, 4), round(2, 20)]), [
    { name: 'a', ms: 2 },
    { name: 'a', ms: 20 },
    { name: 'b', ms: 4 },
  ])
  t.strictSame(medianStages([]), [])
})
