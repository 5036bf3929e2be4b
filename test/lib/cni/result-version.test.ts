import fc from 'fast-check'
import t from 'tap'
import { toCniError } from '../../../lib/cni/errors.ts'
import { decodeResult } from '../../../lib/cni/result-decode.ts'
import { encodeResult } from '../../../lib/cni/result-encode.ts'
import { resultIn } from '../../../lib/cni/result-version.ts'
import { emptyResult, type Result } from '../../../lib/cni/result.ts'
import { supportedVersions, type Version } from '../../../lib/cni/versions.ts'
import { plain, resultOf, results } from '../../support/result.ts'

/** What a process that prints the result in a version makes its caller read. */
function read(version: Version, result: Result): Result {
  return decodeResult(JSON.parse(encodeResult(result, version)), version).result
}

/** A result with its addresses as text, or the error. */
function outcome(make: () => Result): unknown {
  try {
    return plain(make())
  } catch (error) {
    return toCniError(error).toObject()
  }
}

t.test('is what the JSON of a version says', async (t) => {
  for (const version of supportedVersions) {
    const isRead = fc.property(results('1.1.0'), (result) => {
      t.strictSame(
        outcome(() => resultIn(version, result)),
        outcome(() => read(version, result)),
        version,
      )
    })
    fc.assert(isRead, { numRuns: 50 })
  }
})

t.test('drops what is empty, as a reader does', async (t) => {
  const { ips } = resultOf({ ips: [{ address: '10.0.0.2/24' }] })
  const empty = { mac: '', mtu: 0, sandbox: '', socketPath: '', pciId: '' }
  const result: Result = {
    interfaces: [{ name: '', ...empty }],
    ips: ips.map((ip) => ({ ...ip, interface: 0 })),
    routes: [{ mtu: 0, advmss: 0, priority: 0, table: 0, scope: 0 }],
    dns: { nameservers: [], domain: '', search: [], options: [] },
  }
  for (const version of supportedVersions) {
    t.strictSame(plain(resultIn(version, result)), plain(read(version, result)), version)
  }
})

t.test('has an address in the oldest versions', async (t) => {
  for (const version of ['0.1.0', '0.2.0'] as const) {
    t.strictSame(
      outcome(() => resultIn(version, emptyResult)),
      { code: 999, msg: 'cannot convert: no valid IP addresses' },
    )
  }
})
