import t from 'tap'
import { countCalls, parseTrace } from '../../../scripts/bench/trace.ts'

const trace = `\
10 100.000001 clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD} <unfinished ...>
11 100.000100 sendto(3, [{nlmsg_len=32, nlmsg_type=RTM_GETLINK}, {}], 32, 0, NULL, 0) = 32 <0.000250>
10 100.001000 <... clone3 resumed> => {}, 88) = 11 <0.000999>
11 100.002000 clone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD) = 12 <0.000010>
12 100.003000 clone( <unfinished ...>
11 100.004000 sendmsg(3, {msg_iov=[{iov_base=[[{nlmsg_len=20, nlmsg_type=NFNL_MSG_BATCH_BEGIN}, {}], \
[{nlmsg_len=44, nlmsg_type=NFT_MSG_NEWRULE}, {}]]}]}, 0) = 64 <0.000020>
11 100.005000 sendto(9, "hello", 5, 0, NULL, 0) = 5 <0.000010>
11 100.006000 vfork() = 13 <0.000100>
13 100.007000 exit_group(0) = ?
13 100.008000 +++ exited with 0 +++
`

t.test('calls on one line and on two', async (t) => {
  const calls = parseTrace(trace)
  t.strictSame(
    calls.map(({ pid, name }) => `${pid} ${name}`),
    ['11 sendto', '10 clone3', '11 clone', '11 sendmsg', '11 sendto', '11 vfork', '13 exit_group'],
  )
  t.match(calls[1]?.text, /^\{flags=CLONE_VM.* => \{\}, 88\) = 11$/)
  const times = calls.map(({ start, end }) => [start, end].map((ms) => (ms - 100_000).toFixed(3)))
  t.strictSame(times.slice(0, 2), [
    ['0.100', '0.350'],
    ['0.001', '1.000'],
  ])
})

t.test('processes without threads, and messages rather than sends', async (t) => {
  t.strictSame(countCalls(parseTrace(trace)), { processes: 2, netlinkMessages: 3 })
  t.strictSame(countCalls([]), { processes: 0, netlinkMessages: 0 })
})
