import { constants } from 'node:os'
import t from 'tap'
import { StageRecorder } from '../../../lib/base/stage.ts'
import { toCniError } from '../../../lib/cni/errors.ts'
import { concat } from '../../../lib/netlink/attribute.ts'
import { NetlinkError } from '../../../lib/netlink/error.ts'
import {
  encodeMessage,
  type Message,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
} from '../../../lib/netlink/message.ts'
import { ack, captured, connectTo } from '../../support/netlink.ts'

const { EEXIST, ENODEV } = constants.errno
const payload = new Uint8Array(4)

const ask = (operation: string) => ({ operation, type: 18, payload })

const answer = ({ sequence }: Message, flags = 0) =>
  encodeMessage({ type: 16, flags, sequence, payload: Uint8Array.of(sequence, 0, 0, 0) })

const done = ({ sequence }: Message, flags = 0) =>
  encodeMessage({ type: NLMSG_DONE, flags, sequence, payload: new Uint8Array(4) })

t.test('a request asks for an acknowledgement and is numbered', async (t) => {
  const sent: Message[] = []
  const connection = connectTo((requests) => {
    sent.push(...requests)
    return requests.map((request) => ack(request))
  })
  connection.execute(ask('one'))
  connection.executeAll([{ ...ask('two'), flags: 0x400 }, ask('three')])
  t.match(sent, [
    { type: 18, flags: 0x5, sequence: 1 },
    { flags: 0x405, sequence: 2 },
    { flags: 0x5, sequence: 3 },
  ])
})

t.test('answers are those before the acknowledgement or the end of the dump', async (t) => {
  const single = connectTo(([request]) => (request ? [answer(request), ack(request)] : []))
  t.match(single.execute(ask('one')), [{ type: 16, payload: Uint8Array.of(1, 0, 0, 0) }])
  const dump = connectTo(([request]) =>
    request ? [concat([answer(request), answer(request)]), answer(request), done(request)] : [],
  )
  t.equal(dump.execute(ask('all')).length, 3)
})

t.test('answers to an earlier request are skipped', async (t) => {
  const connection = connectTo((requests) =>
    requests[0]?.sequence === 1 ? [] : [captured('link-show-veth'), ...requests.map((r) => ack(r))],
  )
  t.throws(() => connection.execute(ask('link show')), {
    code: 'ETIMEDOUT',
    message: 'connection timed out',
    details: 'link show: the kernel did not answer within 10 s',
  })
  t.strictSame(connection.execute(ask('link show')), [])
})

t.test('a dump that was interrupted is asked for again', async (t) => {
  let attempts = 0
  const connection = connectTo(([request]) => {
    if (request === undefined) return []
    attempts++
    return [
      answer(request, attempts === 1 ? NLM_F_DUMP_INTR : 0),
      done(request, attempts === 2 ? NLM_F_DUMP_INTR : 0),
    ]
  })
  t.equal(connection.execute(ask('link show')).length, 1)
  t.equal(attempts, 3)
})

t.test('a dump that is interrupted every time is an error', async (t) => {
  const connection = connectTo(([request]) =>
    request ? [answer(request, NLM_F_DUMP_INTR), done(request)] : [],
  )
  t.throws(() => connection.execute(ask('link show')), {
    code: 'EINTR',
    details: "link show: the kernel's table changed during each of 10 attempts to read it",
  })
})

t.test('of a batch the first failure is thrown, after all answers were read', async (t) => {
  const connection = connectTo((requests) =>
    requests.map((request, index) => ack(request, [0, EEXIST, ENODEV][index] ?? 0)),
  )
  const batch = ['one', 'two', 'three'].map(ask)
  t.throws(() => connection.executeAll(batch), { code: 'EEXIST', operation: 'two' })
  t.strictSame(connection.executeAll([ask('four')]), [[]], 'nothing is left over')
})

t.test('answers of a batch belong to their requests, in whatever order', async (t) => {
  const connection = connectTo((requests) => {
    const acks = requests.map((request) => ack(request))
    return [concat(requests.map((request) => answer(request)).reverse()), ...acks.reverse()]
  })
  const replies = connection.executeAll([ask('one'), ask('two')])
  t.match(replies, [[{ payload: { 0: 1 } }], [{ payload: { 0: 2 } }]])
})

t.test('a large batch goes out in parts', async (t) => {
  const sizes: number[] = []
  const connection = connectTo((requests) => {
    sizes.push(requests.length)
    return requests.map((request) => ack(request))
  })
  t.equal(connection.executeAll(Array.from({ length: 130 }, () => ask('one'))).length, 130)
  t.strictSame(sizes, [64, 64, 2])
  t.strictSame(connection.executeAll([]), [])
})

t.test('of a batch each outcome is returned', async (t) => {
  const sizes: number[] = []
  const connection = connectTo((requests) => {
    sizes.push(requests.length)
    return requests.map((request) => ack(request, request.sequence % 50 === 0 ? EEXIST : 0))
  })
  const outcomes = connection.attemptAll(Array.from({ length: 130 }, (_, n) => ask(`${n + 1}`)))
  t.equal(outcomes.length, 130)
  t.strictSame(
    outcomes.flatMap((error) => (error === undefined ? [] : [[error.operation, error.code]])),
    [
      ['50', 'EEXIST'],
      ['100', 'EEXIST'],
    ],
  )
  t.strictSame(sizes, [64, 64, 2])
  t.strictSame(connection.attemptAll([]), [])
  const silent = connectTo(() => [])
  t.throws(() => silent.attemptAll([ask('one')]), { code: 'ETIMEDOUT', operation: 'one' })
})

t.test('an error has the text of Go, and the rest as details', async (t) => {
  const error = new NetlinkError('address add 10.244.1.5/24 dev eth0', {
    errno: EEXIST,
    text: 'ipv4: Address already assigned',
    offset: 32,
  })
  t.match(error, { message: 'file exists', code: 'EEXIST', errno: EEXIST, name: 'NetlinkError' })
  t.equal(error.kernelMessage, 'ipv4: Address already assigned')
  t.strictSame(toCniError(error).toObject(), {
    code: 999,
    msg: 'file exists',
    details:
      'address add 10.244.1.5/24 dev eth0: ipv4: Address already assigned ' +
      '(attribute at byte 32 of the request)',
  })
  t.equal(new NetlinkError('link delete if7', { errno: ENODEV }).details, 'link delete if7')
})

t.test('what goes out together is a stage', async (t) => {
  const connection = connectTo((requests) => requests.map((request) => ack(request)))
  using recorder = new StageRecorder(() => 0)
  connection.execute(ask('link show'))
  connection.executeAll([ask('link add x'), ask('link show x')])
  connection.post(ask('link delete x'))()
  t.strictSame(
    recorder.stages().map(({ name }) => name),
    ['netlink: link show', 'netlink: link add x; link show x', 'netlink: link delete x'],
  )
})
