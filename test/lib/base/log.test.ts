import t from 'tap'
import { createLog, parseLogLevel } from '../../../lib/base/log.ts'

t.test('always writes warnings, and the rest when asked to', async (t) => {
  for (const [level, want] of [
    ['warn', 'bridge: ADD c1/eth0: warning: stale\n'],
    ['debug', 'bridge: ADD c1/eth0: warning: stale\nbridge: ADD c1/eth0: looking\n'],
    ['trace', 'bridge: ADD c1/eth0: warning: stale\nbridge: ADD c1/eth0: looking\n'],
  ] as const) {
    let written = ''
    const log = createLog('bridge: ADD c1/eth0', level, (text) => (written += text))
    log.warn('stale')
    log.debug('looking')
    t.equal(written, want)
  }
})

t.test('a message is one line, whatever it quotes', async (t) => {
  let written = ''
  createLog('bridge: ADD c1/eth\x1b[2J', 'warn', (text) => (written += text)).warn('a\r\nb\0c\x9b')
  t.equal(written, 'bridge: ADD c1/eth [2J: warning: a b c \n')
})

t.test('a level that is not known is the one of warnings', async (t) => {
  const names = ['warn', 'debug', 'trace', 'Debug', 'info', '', undefined]
  t.strictSame(names.map(parseLogLevel), ['warn', 'debug', 'trace', 'warn', 'warn', 'warn', 'warn'])
})
