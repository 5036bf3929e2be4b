/** What never ends by itself: a delegate, and somebody who holds the lock of iptables. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDelegate } from '../../lib/cni/delegate.ts'
import { sized } from '../support/fault-size.ts'
import { kernelSkip } from '../support/node.ts'
import { makePortmapNode, ports } from '../support/portmap.ts'
import { recordsOf } from '../support/portmap-rules.ts'
import { replacing } from '../support/programs.ts'
import { requestOf } from '../support/request.ts'
import { inside, runSync } from '../support/run.ts'
import { thrown } from '../support/thrown.ts'

t.test('a delegate that hangs is killed', async (t) => {
  const path = t.testdir({ hangs: '#!/bin/sh\nexec sleep 600\n' })
  chmodSync(join(path, 'hangs'), 0o755)
  const delegate = createDelegate({
    isSelf: () => false,
    dispatch: () => undefined,
    timeoutMs: 300,
    now: () => Date.now(),
    writeStderr: () => undefined,
    sleep: () => undefined,
  })
  const request = requestOf({ path, env: { PATH: process.env['PATH'] } })
  for (const command of ['ADD', 'DEL', 'CHECK'] as const) {
    const started = Date.now()
    const { message, details } = thrown(() =>
      command === 'ADD'
        ? delegate.add('hangs', request, request.stdin)
        : delegate.run(command, 'hangs', request, request.stdin),
    )
    t.match(`${message} ${details}`, /did not end within 0\.3 s and was killed; in hangs$/)
    t.ok(Date.now() - started < 5000)
  }
})

const program = '/usr/sbin/xtables-legacy-multi'

function lockSkip(): string | false {
  if (sized(false, true)) return 'takes 20 s of waiting: make test-faults'
  return existsSync(program) ? kernelSkip() : 'iptables-legacy is not installed'
}

t.test('a lock of iptables that nobody releases', { skip: lockSkip() }, async (t) => {
  const setup = makePortmapNode(t)
  const { node } = setup
  const pod = setup.pod()
  const lock = join(node.dir, 'xtables.lock')
  writeFileSync(lock, '')
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  t.teardown(() => holder.pid !== undefined && process.kill(-holder.pid))
  await once(holder.stdout, 'data')
  if (!existsSync('/run/xtables.lock')) writeFileSync('/run/xtables.lock', '')
  const network = setup.networkWith({ backend: 'iptables' }, (executable) =>
    replacing({ '/usr/sbin/iptables': program, '/run/xtables.lock': lock }, [executable]),
  )
  const started = Date.now()
  const error = await network.refused('ADD', pod, ports({ hostPort: 8080, containerPort: 80 }))
  t.match(error.msg, /iptables.*(?:xtables lock|exit status 4)/s)
  t.match(error.details, /fuser \/run\/xtables\.lock/)
  t.ok(Date.now() - started < 60_000, `it took ${Date.now() - started} ms`)
  t.strictSame(recordsOf(setup), [])
  t.equal(runSync(inside(node.netns, ['iptables-legacy-save', '-t', 'nat'])).match(/CNI-/), null)
})
