import t from 'tap'
import { parseCniArgs } from '../../../lib/cni/cni-args.ts'
import { CniError, ErrorCode } from '../../../lib/cni/errors.ts'

const parsers = { IP: parseTestIp, Extra: (text: string) => text }

function parseTestIp(text: string): string {
  if (text === 'bad') throw new Error(`invalid IP address ${text}`)
  return text
}

const accepted: [text: string, want: object][] = [
  ['', {}],
  ['IP=10.0.0.1', { IP: '10.0.0.1' }],
  ['IP=10.0.0.1;IP=10.0.0.2', { IP: '10.0.0.2' }],
  ['IP=', {}],
  ['Extra=a;IP=10.0.0.1', { Extra: 'a', IP: '10.0.0.1' }],
  ['MAC=02:00:00:00:00:01;IP=10.0.0.1', { IP: '10.0.0.1' }],
  ['IgnoreUnknown=1;K8S_POD_NAME=web;IP=10.0.0.1', { IP: '10.0.0.1' }],
  ['K8S_POD_NAME=web;IgnoreUnknown=TRUE', {}],
  ['K=v;IgnoreUnknown=0;IgnoreUnknown=true', {}],
  ['IgnoreUnknown=false', {}],
]

const refused: [text: string, want: string][] = [
  ['IP=10.0.0.1;', 'ARGS: invalid pair ""'],
  ['IP', 'ARGS: invalid pair "IP"'],
  ['IP=a=b', 'ARGS: invalid pair "IP=a=b"'],
  ['K=v;K2=v2', 'ARGS: unknown args ["K=v" "K2=v2"]'],
  ['ip=10.0.0.1', 'ARGS: unknown args ["ip=10.0.0.1"]'],
  ['IgnoreUnknown=0;K=v', 'ARGS: unknown args ["K=v"]'],
  ['toString=x', 'ARGS: unknown args ["toString=x"]'],
  ['__proto__=x', 'ARGS: unknown args ["__proto__=x"]'],
  ['IP=bad', 'ARGS: error parsing value of pair "IP=bad": invalid IP address bad'],
  [
    'IgnoreUnknown=yes',
    'ARGS: error parsing value of pair "IgnoreUnknown=yes": ' +
      'boolean unmarshal error: invalid input yes',
  ],
]

t.test('reads the known keys and accepts those of its siblings', async (t) => {
  for (const [text, want] of accepted) t.strictSame(parseCniArgs(text, parsers), want, text)
})

t.test('refuses the rest with a remedy', async (t) => {
  for (const [text, want] of refused) {
    try {
      parseCniArgs(text, parsers)
      t.fail(`${text} was accepted`)
    } catch (error) {
      if (!(error instanceof CniError)) throw error
      t.equal(error.message, want)
      t.equal(error.code, ErrorCode.invalidEnvironment)
      t.not(error.details, '')
    }
  }
})
