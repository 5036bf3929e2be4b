import t from 'tap'
import { resultToJson } from '../../../lib/cni/result-encode.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { decodeCachedResult, decodeEntry, encodeEntry } from '../../../lib/libcni/cache-entry.ts'
import { attachment, cacheText, conflist, result } from '../../support/libcni.ts'
import { thrown } from '../../support/thrown.ts'

t.test('writes what Go writes, byte for byte', async (t) => {
  t.equal(encodeEntry(attachment, conflist, result, '1.0.0'), cacheText)
})

t.test('leaves out what is empty', async (t) => {
  const name = { network: 'net1', containerId: 'c1', ifName: 'eth0' }
  const bare = { ...name, netns: '', args: [], capabilityArgs: {} }
  t.equal(
    encodeEntry(bare, '{}', emptyResult, '1.1.0'),
    '{"kind":"cniCacheV1","containerId":"c1","config":"e30=","ifName":"eth0",' +
      '"networkName":"net1","result":{"cniVersion":"1.1.0"}}',
  )
})

t.test('reads what Go writes', async (t) => {
  t.strictSame(decodeEntry(cacheText), attachment)
  t.same(resultToJson(decodeCachedResult(cacheText), '1.0.0'), JSON.parse(cacheText).result)
})

t.test('reads an entry of a library that kept less', async (t) => {
  const old = '{"kind":"cniCacheV1","containerId":"c1","ifName":"eth0","networkName":"net1"}'
  t.match(decodeEntry(old), { netns: '', args: [], capabilityArgs: {} })
  t.strictSame(decodeCachedResult(old), emptyResult)
})

t.test('reads a bare result', async (t) => {
  const text = '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.0.0.1/24"}]}'
  t.match(resultToJson(decodeCachedResult(text), '1.0.0'), { ips: [{ address: '10.0.0.1/24' }] })
  t.match(thrown(() => decodeEntry(text)).message, /"kind": "cniCacheV1"/)
})

const garbled = ['', 'adf', '5', '{"cniVersion":"0.4567.0"}', '{"ips":[{}]}', '{"ips":5}']

t.test('refuses a garbled result', async (t) => {
  for (const text of garbled) {
    t.ok(
      thrown(() => decodeCachedResult(text)),
      text,
    )
    t.ok(
      thrown(() => decodeEntry(text)),
      text,
    )
  }
  const prefix = 'decoding version from network config: '
  t.match(thrown(() => decodeCachedResult('adf')).message, prefix)
  const unknown = thrown(() => decodeCachedResult('{"cniVersion":"0.4567.0"}'))
  t.equal(unknown.message, 'unsupported CNI result version "0.4567.0"')
})
