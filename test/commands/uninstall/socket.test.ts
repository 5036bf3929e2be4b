import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { planSocket } from '../../../commands/uninstall/socket.ts'
import { socketPath, startGreeter } from '../../support/greeter.ts'

/** Does what is planned, and returns what is said. */
function remove(t: Test, socket: string): { whats: string[]; lines: string[] } {
  const lines: string[] = []
  const plan = planSocket(socket, (line) => lines.push(line))
  for (const { remove } of [...plan, ...plan]) remove()
  t.strictSame(planSocket(socket, t.fail), [], 'once is enough')
  return { whats: plan.map(({ what }) => what), lines }
}

t.test('nothing is left of a server that is dead', async (t) => {
  const socket = socketPath(t)
  const folder = dirname(socket)
  t.strictSame(remove(t, socket), { whats: [], lines: [] })
  mkdirSync(folder)
  t.strictSame(remove(t, socket), { whats: [socket], lines: [] }, 'an empty folder')
  mkdirSync(folder)
  const stop = await startGreeter(t, socket, 'hello\n')
  await stop('SIGKILL')
  t.strictSame(remove(t, socket), { whats: [socket], lines: [] })
  t.notOk(existsSync(folder))
})

t.test('a server that lives keeps its socket', async (t) => {
  const socket = socketPath(t)
  mkdirSync(dirname(socket))
  await startGreeter(t, socket, 'hello\n')
  const lines: string[] = []
  t.strictSame(
    planSocket(socket, (line) => lines.push(line)),
    [],
  )
  t.match(lines, [/: a server listens there; stop it: systemctl disable --now flannel-cni,/])
})

t.test('a folder that others use stays', async (t) => {
  const socket = socketPath(t)
  const other = join(dirname(socket), 'other')
  mkdirSync(dirname(socket))
  writeFileSync(other, '')
  t.strictSame(remove(t, socket), { whats: [], lines: [] })
  writeFileSync(socket, '')
  t.strictSame(remove(t, socket), { whats: [socket], lines: [] })
  t.ok(existsSync(other))
  t.strictSame(planSocket('', t.fail), [])
})
