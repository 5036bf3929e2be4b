import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { describeServer, greetingOf } from '../../../commands/node/server.ts'
import { socketPath, startGreeter } from '../../support/greeter.ts'

t.test('a server greets, or says nothing, or is not there', async (t) => {
  const socket = socketPath(t)
  t.equal(greetingOf(socket), undefined, 'no folder')
  mkdirSync(dirname(socket))
  t.equal(greetingOf(socket), undefined, 'no socket')
  const stop = await startGreeter(t, socket, 'flannel-ts v1.2.3\n')
  t.equal(greetingOf(socket), 'flannel-ts v1.2.3\n')
  await stop('SIGKILL')
  t.equal(greetingOf(socket), undefined, 'a socket that nobody listens on')
  await startGreeter(t, `${socket}2`, '')
  t.equal(greetingOf(`${socket}2`), '')
})

t.test('a path where no server can be', async (t) => {
  const socket = socketPath(t)
  mkdirSync(dirname(socket))
  writeFileSync(socket, '')
  t.equal(greetingOf(socket), undefined, 'a file')
  t.equal(greetingOf(`${socket}/x`), undefined)
  t.equal(greetingOf(`/${'x'.repeat(107)}`), undefined, 'too long')
  t.equal(greetingOf(''), undefined, 'nobody looks there')
})

t.test('says in words what fronts find', async (t) => {
  const socket = socketPath(t)
  mkdirSync(dirname(socket))
  const lines: [greeting: string, line: string][] = [
    ['flannel-ts v1.2.3\n', 'of this version'],
    ['flannel-ts v1.2.2\n', 'one of another version (flannel-ts v1.2.2), which gets'],
    ['declined\n', 'one that takes no calls from here'],
    ['', 'one that does not answer'],
  ]
  for (const [greeting, line] of lines) {
    const stop = await startGreeter(t, socket, greeting)
    const said = describeServer(socket, '1.2.3')
    t.ok(said.startsWith(`resident server: ${line}`) && said.endsWith(` on ${socket}`), said)
    await stop('SIGTERM')
  }
  t.equal(describeServer(socket, '1.2.3'), `resident server: none on ${socket}`)
  t.match(describeServer('', '1.2.3'), 'FLANNEL_CNI_SOCKET is empty')
})
