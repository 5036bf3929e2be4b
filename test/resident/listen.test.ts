import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { checkSocketPath } from '../../resident/listen.ts'
import { socketPath, startGreeter } from '../support/greeter.ts'
import { thrown } from '../support/thrown.ts'

t.test('a path where none may listen is refused, with what is there', async (t) => {
  const socket = socketPath(t)
  mkdirSync(dirname(socket))
  writeFileSync(socket, 'precious')
  const refused: [path: string, message: string | RegExp][] = [
    [socket, `${socket} is no socket`],
    [dirname(socket), `${dirname(socket)} is no socket`],
    [`${socket}/x`, /^cannot listen on .*: not a directory$/],
    [`/${'x'.repeat(107)}`, /has 108 bytes, and the path of a socket at most 107$/],
  ]
  for (const [path, message] of refused) {
    t.match(thrown(() => checkSocketPath(path)).toObject(), { code: 5, msg: message, details: /./ })
  }
  checkSocketPath(`${socket}2`)
  const stop = await startGreeter(t, `${socket}2`, '')
  checkSocketPath(`${socket}2`)
  await stop('SIGKILL')
  checkSocketPath(`${socket}2`)
})
