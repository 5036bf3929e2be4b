import t from 'tap'
import type { Execution } from '../../../lib/base/exec.ts'
import { checkReply, decodeAnswer } from '../../../lib/cni/delegate-reply.ts'
import { resultToJson } from '../../../lib/cni/result-encode.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { thrown } from '../../support/thrown.ts'

const exit1 = { text: 'exit status 1' }
const killed = { text: 'signal: killed', code: 'ETIMEDOUT', details: 'it did not end within 90 s' }
const unparsed = 'netplugin failed but error parsing its diagnostic message '
const silent = 'netplugin failed with no error message: '

type Failed = Partial<Execution> & Required<Pick<Execution, 'failure'>>

const failures: [execution: Failed, want: { code: number; msg: string; details?: string }][] = [
  [
    { stdout: '{"code":7,"msg":"wrong","details":"correct it"}', failure: exit1 },
    { code: 7, msg: 'wrong', details: 'correct it; in x' },
  ],
  [
    { stdout: '{"code":1234,"msg":"own"}', stderr: 'not read', failure: exit1 },
    { code: 1234, msg: 'own', details: 'in x' },
  ],
  [
    { stdout: '{"Code":50,"MSG":"full","details":null}\n', failure: exit1 },
    { code: 50, msg: 'full', details: 'in x' },
  ],
  [
    { stdout: 'Segfault', stderr: 'x', failure: exit1 },
    {
      code: 0,
      msg: `${unparsed}"Segfault": Unexpected token 'S', "Segfault" is not valid JSON`,
      details: 'in x',
    },
  ],
  [
    { stdout: '{"ips":[]}', failure: exit1 },
    { code: 0, msg: `${unparsed}"{\\"ips\\":[]}": expected an error object`, details: 'in x' },
  ],
  [
    { stdout: 'null', failure: exit1 },
    { code: 0, msg: `${unparsed}"null": expected an error object`, details: 'in x' },
  ],
  [
    { stdout: '{"code":-1,"msg":"x"}', failure: exit1 },
    {
      code: 0,
      msg: `${unparsed}"{\\"code\\":-1,\\"msg\\":\\"x\\"}": expected code to be a whole number`,
      details: 'in x',
    },
  ],
  [
    { stdout: '{"code":1,"msg":5}', failure: exit1 },
    {
      code: 0,
      msg: `${unparsed}"{\\"code\\":1,\\"msg\\":5}": expected msg and details to be strings`,
      details: 'in x',
    },
  ],
  [
    { stderr: 'no such\ndevice', failure: exit1 },
    { code: 0, msg: 'netplugin failed: "no such\\ndevice"', details: 'in x' },
  ],
  [{ failure: exit1 }, { code: 0, msg: `${silent}exit status 1`, details: 'in x' }],
  [
    { failure: { text: 'fork/exec /b/x: permission denied', code: 'EACCES' } },
    { code: 0, msg: `${silent}fork/exec /b/x: permission denied`, details: 'in x' },
  ],
  [
    { stdout: '{"ips":', stderr: 'half', failure: killed },
    { code: 0, msg: `${silent}signal: killed`, details: 'it did not end within 90 s; in x' },
  ],
]

t.test('gives the error of a delegate that failed, and its name', async (t) => {
  for (const [execution, want] of failures) {
    const error = thrown(() => checkReply('x', { stdout: '', stderr: '', ...execution }))
    t.strictSame(error.toObject(), want)
  }
})

t.test('gives the stdout of one that succeeded', async (t) => {
  t.equal(checkReply('x', { stdout: 'anything', stderr: 'noise' }), 'anything')
})

t.test('quotes only the beginning of what is too long', async (t) => {
  const stdout = 'x'.repeat(100_000)
  const { message } = thrown(() => checkReply('x', { stdout, stderr: '', failure: exit1 }))
  t.match(message, `${'x'.repeat(4096)}…"`)
  t.ok(message.length < 5000)
})

const ip = { address: '10.0.0.2/24' }
const ip4 = { ip: '10.0.0.2/24' }
const answers: [stdout: object | null, assumed: '0.2.0' | '0.4.0' | '1.1.0'][] = [
  [{ cniVersion: '0.1.0', ip4 }, '1.1.0'],
  [{ cniVersion: '0.2.0', ip4 }, '1.1.0'],
  [{ cniVersion: '0.3.1', ips: [{ ...ip, version: '4' }] }, '0.2.0'],
  [{ cniVersion: '1.0.0', ips: [ip] }, '0.2.0'],
  [{ cniVersion: '1.1.0', ips: [ip], unknown: 1 }, '0.2.0'],
  [{ ips: [ip] }, '1.1.0'],
  [{ cniVersion: '', ips: [ip] }, '0.4.0'],
  [{ cniVersion: null, ip4 }, '0.2.0'],
]

t.test('reads a result in the version that it carries, else in the assumed one', async (t) => {
  for (const [stdout, assumed] of answers) {
    const result = decodeAnswer('x', JSON.stringify(stdout), assumed)
    t.strictSame(resultToJson(result, '1.1.0')['ips'], [ip], JSON.stringify(stdout))
  }
  t.equal(decodeAnswer('x', 'null\n', '1.1.0'), emptyResult)
})

const noObject = 'failed to unmarshal raw result: '

const refused: [stdout: string, msg: string | RegExp, details: string][] = [
  ['', `${noObject}Unexpected end of JSON input`, 'x printed "" instead of a result'],
  ['ok', new RegExp(`^${noObject}Unexpected token 'o'`), 'x printed "ok" instead of a result'],
  ['[]', `${noObject}the result must be object`, 'x printed "[]" instead of a result'],
  [
    '{"cniVersion":"5678.456"}',
    'unsupported CNI result version "5678.456"',
    'expected one of 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0; ' +
      'x printed "{\\"cniVersion\\":\\"5678.456\\"}" instead of a result',
  ],
  [
    '{"ips":[{"address":"10.0.0.2"}]}',
    'invalid CIDR address: 10.0.0.2',
    'found at ips.0.address; ' +
      'x printed "{\\"ips\\":[{\\"address\\":\\"10.0.0.2\\"}]}" instead of a result',
  ],
]

t.test('says which delegate printed no result, and what it printed', async (t) => {
  for (const [stdout, msg, details] of refused) {
    const error = thrown(() => decodeAnswer('x', stdout, '1.1.0'))
    t.equal(error.code, 999)
    if (typeof msg === 'string') t.equal(error.message, msg)
    else t.match(error.message, msg)
    t.equal(error.details, details)
  }
})
