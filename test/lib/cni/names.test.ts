import t from 'tap'
import { checkContainerId, checkIfName, checkNetworkName } from '../../../lib/cni/names.ts'
import { thrown } from '../../support/thrown.ts'

const accepted = ['a', '0', 'cbr0', 'A-b_c.d', 'a..b', 'x'.repeat(1000)]
const refused = [
  '-a',
  '.a',
  '_a',
  '..',
  '../a',
  'a/b',
  'a b',
  'a\n',
  '\na',
  'a\0',
  'ä',
  'a:b',
  'a\u00a0',
]

t.test('container IDs', async (t) => {
  for (const id of accepted) t.doesNotThrow(() => checkContainerId(id), id)
  for (const id of refused) {
    t.strictSame(thrown(() => checkContainerId(id)).toObject(), {
      code: 4,
      msg: 'invalid characters in containerID',
      details: id,
    })
  }
  t.strictSame(thrown(() => checkContainerId('')).toObject(), {
    code: 3,
    msg: 'missing containerID',
  })
})

t.test('network names', async (t) => {
  for (const name of accepted) t.doesNotThrow(() => checkNetworkName(name), name)
  for (const name of refused) {
    t.strictSame(thrown(() => checkNetworkName(name)).toObject(), {
      code: 7,
      msg: 'invalid characters found in network name',
      details: name,
    })
  }
  t.strictSame(thrown(() => checkNetworkName('')).toObject(), {
    code: 7,
    msg: 'missing network name:',
  })
})

const tooLong = ['interface name is too long', 'interface name should be less than 16 characters']
const dots = (name: string) => ['interface name is . or ..', `found ${name}`]
const characters = (name: string) => [
  'interface name contains / or : or whitespace characters',
  `found ${JSON.stringify(name)}`,
]

const badIfNames: [name: string, want: (string | undefined)[]][] = [
  ['', ['interface name is empty', undefined]],
  ['x'.repeat(16), tooLong],
  ['ä'.repeat(8), tooLong],
  ['../../../../etc/passwd', tooLong],
  ['.', dots('.')],
  ['..', dots('..')],
  ...[
    'a/b',
    '/',
    '../x',
    'a:b',
    'a b',
    'a\n',
    '\t',
    'a\u0085',
    'a\u00a0b',
    'a\u2003',
    'a\u3000',
  ].map((name): [string, string[]] => [name, characters(name)]),
]

t.test('interface names', async (t) => {
  for (const name of ['eth0', 'x'.repeat(15), 'ä'.repeat(7), '...', '.a', 'a-b_c.100', 'a\ufeff']) {
    t.doesNotThrow(() => checkIfName(name), name)
  }
  for (const [name, [msg, details]] of badIfNames) {
    const want = { code: 4, msg, ...(details !== undefined && { details }) }
    t.strictSame(thrown(() => checkIfName(name)).toObject(), want, JSON.stringify(name))
  }
})
