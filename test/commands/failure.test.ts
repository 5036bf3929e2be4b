import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { explain } from '../../commands/failure.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, withPrefix } from '../../lib/cni/errors.ts'
import { findPlugin } from '../../lib/cni/find-plugin.ts'
import { thrown } from '../support/thrown.ts'

/** What `cni` tells root of an error, or another user. */
const told = (error: unknown, userId = 0) => explain(error, userId).toObject()

const missing = thrown(() => withPrefix('x: ', () => findPlugin('y', '/none')))
const refused = Object.assign(new Error(), {
  ...{ syscall: 'open', path: '/x', errno: -13, code: 'EACCES' },
})

t.test('what the system refuses is no error of ours, and has a remedy', async (t) => {
  const list = () => withPrefix('the list cannot be read: ', () => readdirSync('/etc/passwd'))
  t.strictSame(told(thrown(list)), {
    code: 5,
    msg: 'the list cannot be read: scandir /etc/passwd: not a directory',
    details: 'a file stands where a folder should be, or the other way round: move it away',
  })
  const several = () => attemptAll([list, () => void readFileSync('/none/x')])
  t.match(told(thrown(several)), { code: 5, msg: /not a directory; open \/none\/x: no such file/ })
})

t.test('a plugin that is missing is not available', async (t) => {
  t.match(told(missing), { code: 50, details: /^install the y plugin .*CNI_PATH$/ })
  t.match(told(missing, 7), { code: 50, details: /; run this as root: this is user 7$/ })
})

t.test('who is not root hears that', async (t) => {
  const asRoot = 'run this as root: this is user 65534'
  t.match(told(refused, 65534), { code: 5, details: asRoot })
  t.match(told(refused), { code: 5, details: /lsattr/ })
  const ofPlugin = new CniError(999, 'mkdir /var/lib/cni: permission denied', 'make it')
  t.match(told(ofPlugin, 65534), { code: 5, details: `make it; ${asRoot}` })
  t.equal(told(new CniError(7, 'no name'), 65534).details, undefined)
})

t.test('other errors stay as they are', async (t) => {
  t.strictSame(told(new CniError(11, 'later', 'wait')), { code: 11, msg: 'later', details: 'wait' })
  t.strictSame(told(new TypeError('a mistake of ours')), { code: 999, msg: 'a mistake of ours' })
})
