import t from 'tap'
import { checkParameters, parseCommand, readsStdin } from '../../../lib/cni/parameters.ts'
import { type Command, commands } from '../../../lib/cni/plugin.ts'
import { thrown } from '../../support/thrown.ts'

const values = {
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/x',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'K=v',
  CNI_PATH: '/opt/cni/bin',
} as const

type Name = keyof typeof values
const names = Object.keys(values) as Name[] // its very keys

/** What each command cannot do without (CNI specification, section 2 "Parameters"). */
const required: Readonly<Record<Command, readonly Name[]>> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  STATUS: ['CNI_PATH'],
  GC: ['CNI_PATH'],
  VERSION: [],
}

for (const command of commands) {
  t.test(`${command} needs its variables, and no others`, async (t) => {
    const full = { CNI_COMMAND: command, ...values }
    t.doesNotThrow(() => checkParameters(full))
    for (const name of names) {
      for (const value of [undefined, '']) {
        const check = () => checkParameters({ ...full, [name]: value })
        if (!required[command].includes(name)) t.doesNotThrow(check, name)
        else t.equal(thrown(check).message, `required env variables [${name}] missing`)
      }
    }
    const check = () => checkParameters({ CNI_COMMAND: command })
    if (required[command].length === 0) t.doesNotThrow(check)
    else {
      const error = thrown(check)
      t.equal(error.message, `required env variables [${required[command].join()}] missing`)
      t.match(error, { code: 4, details: 'to call a plugin by hand use the cni command' })
    }
  })
}

t.test('stdin is read when nothing is wrong so far, and but for VERSION', async (t) => {
  for (const command of commands) {
    t.equal(readsStdin({ CNI_COMMAND: command, ...values }), command !== 'VERSION', command)
  }
  t.equal(readsStdin({ CNI_COMMAND: 'UNKNOWN' }), true, 'the configuration is judged first')
  for (const env of [{}, { CNI_COMMAND: '' }, { CNI_COMMAND: 'ADD' }]) {
    t.equal(readsStdin(env), false, JSON.stringify(env))
  }
  t.equal(readsStdin({ CNI_COMMAND: 'DEL', ...values, CNI_IFNAME: 'a/b' }), false)
})

t.test('without a command, that is all there is to say', async (t) => {
  for (const env of [{}, { CNI_COMMAND: '' }, { ...values }]) {
    t.equal(
      thrown(() => checkParameters(env)).message,
      'required env variables [CNI_COMMAND] missing',
    )
  }
})

const malformed: [variables: Partial<Record<Name, string>>, msg: string][] = [
  [{ CNI_CONTAINERID: '../x' }, 'invalid characters in containerID'],
  [{ CNI_IFNAME: 'a/b' }, 'interface name contains / or : or whitespace characters'],
  [{ CNI_CONTAINERID: 'a b', CNI_IFNAME: 'a/b' }, 'invalid characters in containerID'],
  [{ CNI_IFNAME: 'x'.repeat(16) }, 'interface name is too long'],
]

t.test('a malformed variable comes before those that are missing', async (t) => {
  for (const [variables, msg] of malformed) {
    for (const command of ['ADD', 'DEL', 'CHECK']) {
      const error = thrown(() => checkParameters({ CNI_COMMAND: command, ...variables }))
      t.equal(error.message, msg)
      t.equal(error.code, 4)
    }
    // What a command does not use it does not judge.
    for (const command of ['STATUS', 'GC', 'VERSION']) {
      t.doesNotThrow(() => checkParameters({ CNI_COMMAND: command, ...values, ...variables }))
    }
  }
})

t.test('no variable holds NUL', async (t) => {
  for (const name of names) {
    const env = { CNI_COMMAND: 'ADD', ...values, [name]: 'x\0y' }
    t.match(
      thrown(() => checkParameters(env)),
      { code: 4, message: `${name} holds NUL` },
    )
  }
})

t.test('an unknown command needs nothing', async (t) => {
  t.doesNotThrow(() => checkParameters({ CNI_COMMAND: 'ADDD' }))
})

t.test('knows six commands', async (t) => {
  for (const command of ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC', 'VERSION']) {
    t.equal(parseCommand({ CNI_COMMAND: command }), command)
  }
  for (const text of ['add', 'ADD ', 'UPDATE', '', 'toString']) {
    t.strictSame(thrown(() => parseCommand({ CNI_COMMAND: text })).toObject(), {
      code: 4,
      msg: `unknown CNI_COMMAND: ${text}`,
      details: 'expected one of ADD, DEL, CHECK, STATUS, GC, VERSION',
    })
  }
})
