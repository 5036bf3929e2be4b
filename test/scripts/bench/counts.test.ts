import t from 'tap'
import { countCalls, wholeCalls } from '../../../scripts/bench/counts.ts'

const trace = `\
10 clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD} <unfinished ...>
11 sendto(3, [{nlmsg_len=32, nlmsg_type=RTM_GETLINK}, {}], 32, 0, NULL, 0) = 32
10 <... clone3 resumed> => {}, 88) = 11
11 clone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD) = 12
12 clone( <unfinished ...>
11 sendmsg(3, {msg_iov=[{iov_base=[[{nlmsg_len=20, nlmsg_type=NFNL_MSG_BATCH_BEGIN}, {}], \
[{nlmsg_len=44, nlmsg_type=NFT_MSG_NEWRULE}, {}]]}]}, 0) = 64
11 sendto(9, "hello", 5, 0, NULL, 0) = 5
11 vfork() = 13
13 exit_group(0) = ?
13 +++ exited with 0 +++
`

t.test('calls on one line and on two', async (t) => {
  const calls = wholeCalls(trace)
  t.strictSame(
    calls.map((call) => call.split('(')[0]),
    ['sendto', 'clone3', 'clone', 'sendmsg', 'sendto', 'vfork', 'exit_group'],
  )
  t.equal(calls[1], 'clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD} => {}, 88) = 11')
})

t.test('processes without threads, and messages rather than sends', async (t) => {
  t.strictSame(countCalls(wholeCalls(trace)), { processes: 2, 'netlink messages': 3 })
  t.strictSame(countCalls([]), { processes: 0, 'netlink messages': 0 })
})
