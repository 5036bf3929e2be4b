import t from 'tap'
import { formatStages } from '../../../lib/cni/trace.ts'
import { medianStages, outside, ownCode, stagesOf } from '../../../scripts/bench/stages.ts'

/** What a call writes that has these stages: in how many others, when it began, what it took, its name. */
function stderrOf(...stages: [depth: number, beginMs: number, tookMs: number, name: string][]) {
  const lines = formatStages(
    stages.map(([depth, beginMs, tookMs, name]) => ({ depth, beginMs, tookMs, name })),
  )
  return lines.map((line) => `flannel: DEL c1/eth0: ${line}\n`).join('')
}

const del = stderrOf(
  [0, 0, 20, 'start of Node'],
  [0, 21, 0.5, 'parsing stdin'],
  [0, 22, 18, 'DEL of bridge'],
  [1, 22, 0.25, 'parsing stdin'],
  [1, 23, 1, 'netlink: link show eth0'],
  [1, 24, 2, 'netlink: link add veth1 type veth peer eth0; link show veth1'],
  [1, 26, 0.5, 'setting sysctl net/ipv4/ip_forward to 1'],
  [1, 27, 0.25, 'setting sysctl net/ipv6/conf/eth0/accept_dad to 0'],
  [1, 28, 8, 'deletion of the link'],
  [2, 28, 1, 'netlink: link delete if2'],
  [2, 30, 1, 'netlink: link show if2'],
  [1, 37, 2, 'running /usr/sbin/nft -j list table ip x'],
  [1, 39, 1, 'netlink: link show if7'],
)

t.test('stages of a kind, and what nothing has a name for', async (t) => {
  const stages = Object.entries(stagesOf(`flannel: DEL c1/eth0: deleting\n${del}`, 50))
  t.strictSame(
    stages.map(([name, ms]) => `${ms} ${name}`),
    [
      '20 start of Node',
      '0.75 parsing stdin',
      '2 netlink: link show',
      '2 netlink: link add; link show',
      '0.75 setting sysctl',
      '8 deletion of the link',
      '2 running /usr/sbin/nft',
      `4.5 ${ownCode}`,
      `10 ${outside}`,
    ],
  )
  t.equal(
    stages.reduce((total, [, ms]) => total + ms, 0),
    50,
  )
})

t.test('a call that says nothing of its stages is refused', async (t) => {
  t.throws(() => stagesOf('', 50), { message: /no stages/ })
  t.throws(() => stagesOf('flannel: ADD c1/eth0: delegating to bridge\n', 50), /no stages/)
})

t.test('medians of stages, also of those that not every call has', async (t) => {
  t.strictSame(
    medianStages([
      { a: 1, b: 5 },
      { a: 3, b: 4, c: 7 },
      { a: 2, b: 6 },
    ]),
    { a: 2, b: 5, c: 0 },
  )
  t.strictSame(medianStages([]), {})
})
