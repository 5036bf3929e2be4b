import t from 'tap'
import type { NetConf } from '../../../lib/cni/plugin.ts'
import {
  parsePrevResult,
  prevResultForCleanup,
  requirePrevResult,
} from '../../../lib/cni/prev-result.ts'
import { resultToJson } from '../../../lib/cni/result-encode.ts'
import type { Version } from '../../../lib/cni/versions.ts'
import { contextOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

function confOf(cniVersion: Version, prevResult?: unknown): NetConf {
  return { name: 'net1', cniVersion, ...(prevResult !== undefined && { prevResult }) }
}

t.test('reads everything that a result can hold', async (t) => {
  const prevResult = {
    cniVersion: '1.0.0',
    interfaces: [
      {
        mac: '00:11:22:33:44:55',
        name: 'eth0',
        pciID: '8086:9a01',
        sandbox: '/proc/3553/ns/net',
        socketPath: '/path/to/vhost/fd',
      },
    ],
    ips: [{ address: '10.0.0.2/24', gateway: '10.0.0.1', interface: 0 }],
    routes: [{ dst: '3.3.3.0/24', gw: '10.0.0.1' }],
  }
  const result = parsePrevResult(confOf('1.0.0', prevResult))
  t.strictSame(result && resultToJson(result, '1.0.0'), prevResult)
})

t.test('is none when it is missing or null', async (t) => {
  for (const prevResult of [undefined, null]) {
    const conf = confOf('1.0.0', prevResult)
    t.equal(parsePrevResult(conf), undefined)
    const { log, warnings } = contextOf()
    t.equal(prevResultForCleanup(conf, log), undefined)
    t.strictSame(warnings, [])
    t.strictSame(thrown(() => requirePrevResult(conf)).toObject(), {
      code: 7,
      msg: 'Required prevResult missing',
      details: 'the runtime passes the result of the ADD as prevResult of the configuration',
    })
  }
})

const address = '10.0.0.2/24'
const fitting: [conf: Version, prevResult: object][] = [
  ['0.1.0', { cniVersion: '0.2.0', ip4: { ip: address } }],
  ['0.2.0', { ip4: { ip: address } }],
  ['0.3.1', { cniVersion: '0.4.0', ips: [{ version: '4', address }] }],
  ['0.4.0', { cniVersion: '', ips: [{ version: '4', address }] }],
  ['1.0.0', { cniVersion: '1.1.0', ips: [{ address }] }],
  ['1.1.0', { cniVersion: null, ips: [{ address }] }],
]

t.test('may be in any version of its shape, or carry none', async (t) => {
  for (const [version, prevResult] of fitting) {
    const { ips } = requirePrevResult(confOf(version, prevResult))
    t.equal(ips.length, 1, JSON.stringify(prevResult))
  }
})

const foreign: [conf: Version, inner: unknown, shape: string][] = [
  ['1.0.0', '0.2.0', '[1.0.0 1.1.0]'],
  ['1.1.0', '0.4.0', '[1.0.0 1.1.0]'],
  ['1.1.0', '5678.456', '[1.0.0 1.1.0]'],
  ['0.3.1', '1.0.0', '[0.3.0 0.3.1 0.4.0]'],
  ['0.4.0', '0.2.0', '[0.3.0 0.3.1 0.4.0]'],
  ['0.1.0', '0.3.0', '[ 0.1.0 0.2.0]'],
  ['0.2.0', 5, '[ 0.1.0 0.2.0]'],
]

t.test('must not be of another shape', async (t) => {
  for (const [version, inner, shape] of foreign) {
    const conf = confOf(version, { cniVersion: inner })
    t.strictSame(thrown(() => parsePrevResult(conf)).toObject(), {
      code: 7,
      msg:
        `could not parse prevResult: result type supports ${shape} but unmarshalled ` +
        `CNIVersion is ${JSON.stringify(inner)}`,
      details: `prevResult must be in the cniVersion of the configuration, ${version}`,
    })
  }
})

const garbled: [prevResult: unknown, msg: string][] = [
  ['text', 'the result must be object'],
  [[], 'the result must be object'],
  [{ ips: {} }, 'ips must be array'],
  [{ ips: [{ address: 'x' }] }, 'invalid CIDR address: x'],
]

t.test('must be a result', async (t) => {
  for (const [prevResult, msg] of garbled) {
    const error = thrown(() => requirePrevResult(confOf('1.1.0', prevResult)))
    t.equal(error.message, `could not parse prevResult: ${msg}`)
    t.equal(error.code, 7)
    t.match(error.details, /^found /)
  }
})

t.test('does not keep a DEL from going on', async (t) => {
  const { log, warnings } = contextOf()
  t.equal(prevResultForCleanup(confOf('1.1.0', { ips: [{ address: 'x' }] }), log), undefined)
  t.strictSame(warnings, [
    'going on without prevResult: could not parse prevResult: invalid CIDR address: x; ' +
      'found at ips.0.address',
  ])
  t.equal(prevResultForCleanup(confOf('1.1.0', { ips: [{ address }] }), log)?.ips.length, 1)
})
