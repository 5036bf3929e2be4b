import t from 'tap'
import { createNotifier } from '../../flanneld/notify.ts'
import { datagramReader, readerSkip, socketPath } from '../support/datagram.ts'

const options = { skip: readerSkip() }

function record() {
  const warnings: string[] = []
  return { warnings, log: { warn: (line: string) => void warnings.push(line) } }
}

t.test('systemd is told, by a path and by a name', options, async (t) => {
  const path = socketPath(t, 'notify')
  for (const NOTIFY_SOCKET of [path, `@${path}`]) {
    await using reader = await datagramReader(NOTIFY_SOCKET)
    const { warnings, log } = record()
    const notifier = createNotifier({ NOTIFY_SOCKET }, log)
    notifier.status('waiting for etcd\nREADY=1')
    notifier.ready('subnet 10.244.1.0/24')
    notifier.stopping()
    t.strictSame(await reader.read(3), [
      'STATUS=waiting for etcd READY=1',
      'READY=1\nSTATUS=subnet 10.244.1.0/24',
      'STOPPING=1',
    ])
    t.strictSame(warnings, [])
  }
})

t.test('without a socket nothing happens', async (t) => {
  for (const env of [{}, { NOTIFY_SOCKET: '' }]) {
    const { warnings, log } = record()
    createNotifier(env, log).ready('up')
    t.strictSame(warnings, [])
  }
})

t.test('a failure is logged, and no more', async (t) => {
  for (const [NOTIFY_SOCKET, reason] of [
    [socketPath(t, 'nobody'), 'connect: no such file or directory'],
    [`/${'x'.repeat(200)}`, 'is too long for a Unix socket'],
  ] as const) {
    const { warnings, log } = record()
    createNotifier({ NOTIFY_SOCKET }, log).stopping()
    t.equal(warnings.length, 1)
    t.match(warnings[0], `systemd was not told STOPPING=1 on NOTIFY_SOCKET=${NOTIFY_SOCKET}: `)
    t.match(warnings[0], reason)
  }
})
