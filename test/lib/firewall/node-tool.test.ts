import t from 'tap'
import { isStuck, ToolError, Tools } from '../../../lib/firewall/node-tool.ts'
import { toolFolders } from '../../../lib/firewall/tool-search.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const tools = new Tools()
const call = {
  ...{ name: 'sh', timeoutMs: 5000, debianPackage: 'dash', remedy: 'look at it' },
} as const
const shell = (script: string, keys: object = {}) =>
  tools.run({ ...call, args: ['-c', script], ...keys })

t.test('finds programs in the usual folders', async (t) => {
  t.match(tools.find('sh'), /^\/(usr\/)?bin\/sh$/)
  t.equal(tools.find('no-such-program'), undefined)
  t.equal(tools.find('.'), undefined, 'a folder is no program')
  t.equal(tools.find('../../etc/passwd'), undefined, 'nor is what nobody may execute')
})

t.test(
  'runs them on their stdin, in an environment that does not depend on the caller',
  async (t) => {
    t.equal(shell('cat', { stdin: 'in' }), 'in')
    process.env['XTABLES_LIBDIR'] = '/nowhere'
    t.teardown(() => delete process.env['XTABLES_LIBDIR'])
    t.equal(shell('printf %s "$XTABLES_LIBDIR"'), '')
    t.equal(shell('printf %s "$LC_ALL"'), 'C')
    t.equal(shell('printf %s "$PATH"'), toolFolders.join(':'))
  },
)

t.test('says what a program had to say', async (t) => {
  const error = thrownDetailed(() => shell('echo no such table >&2; exit 3'))
  t.ok(error instanceof ToolError)
  t.match(error.message, /^running \[\S+sh -c .*\]: exit status 3: no such table$/)
  t.equal(error.details, 'look at it')
  t.match(thrownDetailed(() => shell('exit 1')).message, /: exit status 1: it wrote nothing$/)
  const late = thrownDetailed(() => shell('exec sleep 10', { timeoutMs: 100 }))
  t.match(late.message, /: signal: killed: it wrote nothing$/)
  t.equal(late.details, 'it did not end within 0.1 s and was killed; look at it')
})

t.test('knows a program that is stuck', async (t) => {
  t.ok(isStuck(thrownDetailed(() => shell('exec sleep 10', { timeoutMs: 100 }))))
  for (const [said, stuck] of [
    ["Can't lock /run/xtables.lock: Resource temporarily unavailable", true],
    ['Another app is currently holding the xtables lock; waited 20s', true],
    ["Fatal: can't open lock file /run/xtables.lock: Permission denied", false],
    ['No chain/target/match by that name.', false],
  ] as const) {
    t.equal(isStuck(thrownDetailed(() => shell(`echo "${said}" >&2; exit 4`))), stuck, said)
  }
  t.notOk(isStuck(new Error('none of a program')))
})

t.test('says how to get a program that is missing', async (t) => {
  const missing = (path?: string) =>
    thrownDetailed(() => new Tools(path).run({ ...call, name: 'no-such-program', args: [] }))
  t.equal(missing().message, 'failed to find no-such-program')
  t.equal(
    missing('/usr/bin:/nowhere').details,
    'expected the executable no-such-program in one of /usr/sbin, /sbin, /usr/bin, /bin, ' +
      '/usr/local/sbin, /usr/local/bin, /run/current-system/sw/bin, /nowhere; ' +
      'install it on the node (Debian: apt-get install dash)',
  )
  t.match(
    missing('bin:').details,
    '; PATH also names "bin" (no absolute path), "" (no absolute path), where nothing is run ' +
      'that root has not put; install it',
  )
  const many = Array.from({ length: 10 }, (_, i) => `bin${i}`).join(':')
  t.match(missing(many).details, '"bin7" (no absolute path) and 2 more, where')
})
