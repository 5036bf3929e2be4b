import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readPreviousSubnets, writeSubnetFile } from '../../flanneld/subnet-file.ts'
import { formatCidr } from '../../lib/ip/ip.ts'
import { missingProgram, runSync } from '../../scripts/lab/run.ts'
import { cidr } from '../support/address.ts'
import { thrownDetailed } from '../support/thrown.ts'

const env = {
  networks: [cidr('10.244.0.0/16'), cidr('fd00::/48')],
  subnets: [cidr('10.244.1.0/24'), cidr('fd00:0:0:1::/64')],
  mtu: 1450,
  ipMasq: true,
}

t.test('a shell reads what is written', async (t) => {
  const path = join(t.testdir({}), 'run/flannel/subnet.env')
  writeSubnetFile(path, env)
  t.equal(
    runSync(['sh', '-c', '. "$0"; echo $FLANNEL_SUBNET $FLANNEL_MTU', path]),
    '10.244.1.1/24 1450\n',
  )
  t.strictSame(readdirSync(join(path, '..')), ['subnet.env'])
})

t.test('the modes of folder and file, whatever the umask', async (t) => {
  const folder = join(t.testdir({}), 'flannel')
  const path = join(folder, 'subnet.env')
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  writeSubnetFile(path, env)
  t.equal(runSync(['stat', '--format=%a', path]), '644\n')
  process.umask(0)
  writeSubnetFile(join(folder, 'deeper/subnet.env'), env)
  t.equal(runSync(['stat', '--format=%a', join(folder, 'deeper')]), '755\n')
  chmodSync(path, 0o600)
  writeSubnetFile(path, { ...env, mtu: 1400 })
  t.equal(runSync(['stat', '--format=%a', path]), '600\n', 'an existing file keeps its own')
  t.match(readFileSync(path, 'utf8'), 'FLANNEL_MTU=1400\n')
})

t.test('a symbolic link is replaced, and what it led to is left alone', async (t) => {
  const folder = t.testdir({ target: 'mine' })
  const path = join(folder, 'subnet.env')
  chmodSync(join(folder, 'target'), 0o600)
  symlinkSync('target', path)
  writeSubnetFile(path, env)
  t.ok(lstatSync(path).isFile())
  t.equal(lstatSync(path).mode & 0o777, 0o644)
  t.equal(readFileSync(join(folder, 'target'), 'utf8'), 'mine')
})

t.test('what cannot be written', async (t) => {
  const folder = t.testdir({ file: '' })
  mkdirSync(join(folder, 'subnet.env'))
  for (const [path, reason] of [
    [join(folder, 'subnet.env'), /^rename .*: is a directory$/],
    [join(folder, 'file/subnet.env'), /: not a directory$/],
    ['/proc/flannel/subnet.env', /: no such file or directory$/],
  ] as const) {
    const { message, details } = thrownDetailed(() => writeSubnetFile(path, env))
    t.match(message, reason)
    t.match(details, 'set --subnet-file')
  }
  t.strictSame(readdirSync(folder).sort(), ['file', 'subnet.env'], 'nothing is left behind')
})

t.test('it is synced before it has its name', { skip: missingProgram('strace') }, async (t) => {
  const folder = t.testdir({})
  const trace = join(folder, 'trace')
  const program = `
    const { writeSubnetFile } = await import(${JSON.stringify(join(import.meta.dirname, '../../flanneld/subnet-file.ts'))})
    writeSubnetFile(${JSON.stringify(join(folder, 'subnet.env'))}, { networks: [], subnets: [], mtu: 1, ipMasq: true })`
  const calls = 'trace=fsync,rename,renameat,renameat2,fchmod'
  const command = [process.execPath, '--no-warnings', '--input-type=module', '-e', program]
  runSync(['strace', '-f', '-o', trace, '-e', calls, '--', ...command])
  const made = readFileSync(trace, 'utf8').match(/\b(?:fchmod|fsync|rename)(?=\w*\()/g)
  t.strictSame(made, ['fchmod', 'fsync', 'rename'])
})

function read(path: string) {
  const lines: string[] = []
  const log = {
    info: (line: string) => void lines.push(`I ${line}`),
    warn: (line: string) => void lines.push(`W ${line}`),
  }
  const { networks, subnets } = readPreviousSubnets(path, log)
  return { networks: networks.map(formatCidr), subnets: subnets.map(formatCidr), lines }
}

t.test('what was written is read at the next start', async (t) => {
  const path = join(t.testdir({}), 'subnet.env')
  writeSubnetFile(path, env)
  t.strictSame(read(path), {
    networks: ['10.244.0.0/16', 'fd00::/48'],
    subnets: ['10.244.1.0/24', 'fd00:0:0:1::/64'],
    lines: [],
  })
})

for (const [what, text, subnets, problem] of [
  ['dotenv', '# x\nexport FLANNEL_SUBNET="10.1.2.1/24"\r\n', ['10.1.2.0/24'], undefined],
  ['a bad entry', 'FLANNEL_SUBNET=10.1.2.1/24,x', ['10.1.2.0/24'], '"x" is no IPv4 network'],
  ['another family', 'FLANNEL_SUBNET=fd00::1/64', [], '"fd00::1/64" is no IPv4 network'],
  ['several', 'FLANNEL_SUBNET=10.1.2.1/24, 10.1.3.1/24', [], 'is a list, expected one network'],
  ['nothing', '', [], undefined],
  ['an empty value', 'FLANNEL_SUBNET=', [], undefined],
  ['garbage', '\0\x01=\n=\n===', [], undefined],
] as const) {
  t.test(`reads ${what}`, async (t) => {
    const path = join(t.testdir({ 'subnet.env': text }), 'subnet.env')
    const found = read(path)
    t.strictSame(found.subnets, subnets)
    t.strictSame(found.networks, [])
    if (problem === undefined) return void t.strictSame(found.lines, [])
    t.match(found.lines, [/^W .*subnet\.env: FLANNEL_SUBNET: .*; it is ignored$/])
    t.match(found.lines[0], problem)
  })
}

t.test('a file that cannot be read is none', async (t) => {
  const folder = t.testdir({})
  const none = { networks: [], subnets: [] }
  t.match(read(join(folder, 'subnet.env')), { ...none, lines: [/^I .*not there yet/] })
  t.match(read(folder), { ...none, lines: [/^W read .*: is a directory: no subnet/] })
  writeFileSync(join(folder, 'large'), Buffer.alloc(1024 * 1024 + 1))
  t.match(read(join(folder, 'large')), { ...none, lines: [/^W .*larger than/] })
})
