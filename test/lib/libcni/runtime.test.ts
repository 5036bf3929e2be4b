import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import { AttachmentCache } from '../../../lib/libcni/attachment-cache.ts'
import { type NetworkConfigList, parseConfList } from '../../../lib/libcni/conf-list.ts'
import {
  addNetworkList,
  checkNetworkList,
  delNetworkList,
  statusNetworkList,
} from '../../../lib/libcni/runtime.ts'
import * as golden from '../../support/libcni.ts'
import type { RecordingInvoker } from '../../support/recording-invoker.ts'
import { listOf, setUp } from '../../support/runtime.ts'
import { thrown } from '../../support/thrown.ts'

const { attachment } = golden
const banana = new CniError(11, 'plugin error: banana', 'peel it')

const prevResults = (invoker: RecordingInvoker) =>
  invoker.calls.map(({ stdin }) => JSON.parse(stdin).prevResult)

t.test('ADD sends each plugin what Go sends it, and keeps what Go keeps', async (t) => {
  const { runtime, invoker, file } = setUp(t)
  const result = addNetworkList(runtime, parseConfList(golden.conflist), attachment)
  t.strictSame(result, golden.result)
  const [flannel, portmap] = invoker.calls
  t.equal(flannel?.stdin, golden.addStdin.flannel)
  t.equal(portmap?.stdin, golden.addStdin.portmap)
  t.equal(readFileSync(file, 'utf8'), golden.cacheText)
  t.match(portmap?.env, {
    HOME: '/root',
    CNI_CONTAINERID: attachment.containerId,
    CNI_NETNS: '/run/netns/web',
    CNI_IFNAME: 'eth0',
    CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web',
    CNI_PATH: '/bin1:/bin2',
  })
})

t.test('ADD stops at the first error and keeps nothing', async (t) => {
  const { runtime, invoker, file } = setUp(t, { failures: { 'b ADD': banana } })
  const error = thrown(() => addNetworkList(runtime, listOf('1.0.0'), attachment))
  t.equal(error.message, 'plugin type="b" name="own" failed (add): plugin error: banana')
  t.equal(error.code, 11)
  t.equal(error.details, 'peel it')
  t.strictSame(invoker.take(), ['a ADD', 'b ADD'])
  t.notOk(existsSync(file))
})

t.test('ADD fails when the result cannot be kept', async (t) => {
  const { runtime, file } = setUp(t)
  const cache = new AttachmentCache(join(t.testdir({ file: '' }), 'file'))
  const error = thrown(() => addNetworkList({ ...runtime, cache }, listOf('1.0.0'), attachment))
  t.match(error.message, /^failed to set network "cbr0" cached result: mkdir .*: not a directory$/)
  t.notOk(existsSync(file))
})

const refused: [change: object, code: number, msg: string][] = [
  [{ containerId: '' }, 3, 'missing containerID'],
  [{ containerId: 'some-%%container-id' }, 4, 'invalid characters in containerID'],
  [{ ifName: '' }, 4, 'interface name is empty'],
  [{ ifName: '1234567890123456' }, 4, 'interface name is too long'],
  [{ ifName: '.' }, 4, 'interface name is . or ..'],
  [{ ifName: '..' }, 4, 'interface name is . or ..'],
  [{ ifName: 'test/test' }, 4, 'interface name contains / or : or whitespace characters'],
  [{ ifName: 'test:test' }, 4, 'interface name contains / or : or whitespace characters'],
  [{ ifName: 'test test' }, 4, 'interface name contains / or : or whitespace characters'],
]

t.test('ADD checks everything before it calls a plugin', async (t) => {
  const { runtime, invoker } = setUp(t, { missing: ['c'] })
  const { plugins, ...rest } = listOf('1.0.0')
  const list: NetworkConfigList = { ...rest, plugins: plugins.slice(0, 2) }
  const failure = (changed: object, from = list) =>
    thrown(() => addNetworkList(runtime, from, { ...attachment, ...changed }))
  for (const [change, code, message] of refused) t.match(failure(change), { code, message })
  t.match(failure({ network: 'a%b' }), {
    code: 7,
    message: 'invalid characters found in network name',
    details: 'a%b',
  })
  t.match(failure({}, { ...list, cniVersion: '1.2.0' }), {
    code: 1,
    message: 'incompatible CNI versions',
  })
  t.match(
    failure({}, { ...list, plugins }).message,
    'plugin type="c" failed (add): failed to find plugin "c" in path [',
  )
  t.strictSame(invoker.take(), [])
})

t.test('CHECK gives every plugin the cached result', async (t) => {
  const { runtime, invoker } = setUp(t)
  addNetworkList(runtime, listOf('1.0.0'), attachment)
  invoker.take()
  checkNetworkList(runtime, listOf('0.4.0'), attachment)
  const [first, ...others] = prevResults(invoker)
  t.match(first, { cniVersion: '0.4.0', ips: [{ version: '4' }] }, 'in the version of the list')
  for (const other of others) t.strictSame(other, first)
  t.strictSame(invoker.take(), ['a CHECK', 'b CHECK', 'c CHECK'])
  invoker.behaviour = { failures: { 'b CHECK': banana } }
  t.equal(thrown(() => checkNetworkList(runtime, listOf('1.0.0'), attachment)).code, 11)
  t.strictSame(invoker.take(), ['a CHECK', 'b CHECK'])
})

const unusable: [content: string, reason: string][] = [
  ['adfadsfasdfasfdsafaf', 'decoding version from network config: '],
  ['{"cniVersion":"0.4567.0"}', 'unsupported CNI result version "0.4567.0"'],
]

t.test('CHECK is refused, disabled, or fails on a cached result', async (t) => {
  const { runtime, invoker, file } = setUp(t)
  const old = thrown(() => checkNetworkList(runtime, listOf('0.3.1'), attachment))
  t.equal(old.message, 'configuration version "0.3.1" does not support the CHECK command')
  addNetworkList(runtime, listOf('1.0.0'), attachment)
  invoker.take()
  for (const [content, reason] of unusable) {
    writeFileSync(file, content)
    checkNetworkList(runtime, listOf('1.0.0', { disableCheck: true }), attachment)
    const error = thrown(() => checkNetworkList(runtime, listOf('1.0.0'), attachment))
    t.match(error.message, `failed to get network "cbr0" cached result: ${reason}`)
  }
  t.strictSame(invoker.take(), [])
})

t.test('DEL calls the plugins in reverse, with the cached result, and forgets', async (t) => {
  const { runtime, invoker, file } = setUp(t)
  addNetworkList(runtime, listOf('0.4.0'), attachment)
  invoker.take()
  delNetworkList(runtime, listOf('0.4.0'), attachment)
  for (const prevResult of prevResults(invoker)) t.match(prevResult, { cniVersion: '0.4.0' })
  t.strictSame(invoker.take(), ['c DEL', 'b DEL', 'a DEL'])
  t.notOk(existsSync(file))
  delNetworkList(runtime, listOf('0.4.0'), attachment)
  t.strictSame(prevResults(invoker), [undefined, undefined, undefined], 'there is none any more')
})

t.test('DEL stops at the first error and remembers', async (t) => {
  const { runtime, invoker, file } = setUp(t, { failures: { 'b DEL': banana } })
  addNetworkList(runtime, listOf('1.0.0'), attachment)
  invoker.take()
  const error = thrown(() => delNetworkList(runtime, listOf('1.0.0'), attachment))
  t.equal(error.message, 'plugin type="b" name="own" failed (delete): plugin error: banana')
  t.strictSame(invoker.take(), ['c DEL', 'b DEL'])
  t.ok(existsSync(file))
})

t.test('DEL has no prevResult before 0.4.0', async (t) => {
  const { runtime, invoker } = setUp(t)
  addNetworkList(runtime, listOf('0.3.1'), attachment)
  invoker.take()
  delNetworkList(runtime, listOf('0.3.1'), attachment)
  t.strictSame(prevResults(invoker), [undefined, undefined, undefined])
})

t.test('DEL goes on without a cached result that cannot be used', async (t) => {
  for (const [content, reason] of unusable) {
    const { runtime, invoker, warnings, file } = setUp(t, { failures: { 'b DEL': banana } })
    addNetworkList(runtime, listOf('1.0.0'), attachment)
    invoker.take()
    writeFileSync(file, content)
    thrown(() => delNetworkList(runtime, listOf('1.0.0'), attachment))
    t.strictSame(prevResults(invoker), [undefined, undefined])
    t.match(warnings, [
      `deleting without prevResult: failed to get network "cbr0" cached result: ${reason}`,
    ])
    t.notOk(existsSync(file), 'the entry is dropped, whatever the plugins say')
  }
})

t.test(
  'STATUS asks from 1.1.0 on, and keeps the code of the first that is not ready',
  async (t) => {
    const notReady = new CniError(50, 'plugin error: banana')
    const { runtime, invoker } = setUp(t, { failures: { 'b STATUS': notReady } })
    statusNetworkList(runtime, listOf('1.0.0'))
    t.strictSame(invoker.take(), [])
    t.equal(
      thrown(() => statusNetworkList(runtime, listOf('1.1.0'))),
      notReady,
    )
    const [call] = invoker.calls
    t.same(JSON.parse(call?.stdin ?? ''), { name: 'cbr0', cniVersion: '1.1.0', type: 'a' })
    const empty = { CNI_CONTAINERID: '', CNI_NETNS: '', CNI_ARGS: '', CNI_IFNAME: '' }
    t.match(call?.env, { ...empty, CNI_PATH: '/bin1:/bin2', HOME: '/root' })
    t.strictSame(invoker.take(), ['a STATUS', 'b STATUS'])
  },
)
