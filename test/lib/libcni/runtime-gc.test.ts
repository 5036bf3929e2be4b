import { readdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import { addNetworkList, gcNetworkList } from '../../../lib/libcni/runtime.ts'
import { attachment } from '../../support/libcni.ts'
import { listOf, setUp } from '../../support/runtime.ts'
import { thrown } from '../../support/thrown.ts'

const list = listOf('1.1.0')
const second = { ...attachment, containerId: 'c2' }
const everyGc = ['a GC', 'b GC', 'c GC']
const everyDel = ['c DEL', 'b DEL', 'a DEL']

t.test('GC deletes what is not valid, then calls every plugin', async (t) => {
  const { runtime, invoker, file } = setUp(t)
  addNetworkList(runtime, list, attachment)
  addNetworkList(runtime, list, second)
  addNetworkList(runtime, { ...list, name: 'other' }, { ...attachment, network: 'other' })
  invoker.take()

  gcNetworkList(runtime, { ...list, disableGC: true }, [])
  t.strictSame(invoker.take(), [], 'disabled')

  gcNetworkList(runtime, list, [attachment, second])
  const [call] = invoker.calls
  const valid = [attachment, second].map(({ containerId, ifName }) => ({
    containerID: containerId,
    ifname: ifName,
  }))
  t.same(JSON.parse(call?.stdin ?? ''), {
    name: 'cbr0',
    cniVersion: '1.1.0',
    type: 'a',
    'cni.dev/valid-attachments': valid,
    'cni.dev/attachments': valid,
  })
  t.match(call?.env, { CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '', CNI_ARGS: '' })
  t.strictSame(invoker.take(), everyGc)

  gcNetworkList(runtime, list, [second])
  t.match(invoker.calls[0]?.env, {
    CNI_CONTAINERID: attachment.containerId,
    CNI_NETNS: attachment.netns,
    CNI_IFNAME: 'eth0',
    CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web',
  })
  t.strictSame(invoker.take(), [...everyDel, ...everyGc])

  gcNetworkList(runtime, list, [])
  t.strictSame(invoker.take(), [...everyDel, ...everyGc])
  const left = readdirSync(dirname(file))
  t.strictSame(left, [`other-${attachment.containerId}-eth0`], 'another network is none of its')
})

t.test('GC gives the plugins of a stale attachment the capabilities it had', async (t) => {
  const { runtime, invoker } = setUp(t)
  const withPorts = listOf('1.1.0', {
    plugins: [{ type: 'a', capabilities: { portMappings: true } }],
  })
  addNetworkList(runtime, withPorts, attachment)
  invoker.take()
  gcNetworkList(runtime, withPorts, [])
  const { portMappings } = attachment.capabilityArgs
  t.same(JSON.parse(invoker.calls[0]?.stdin ?? '').runtimeConfig, { portMappings })
})

t.test('GC only deletes before 1.1.0', async (t) => {
  const { runtime, invoker } = setUp(t)
  addNetworkList(runtime, listOf('1.0.0'), attachment)
  invoker.take()
  gcNetworkList(runtime, listOf('1.0.0'), [])
  t.strictSame(invoker.take(), everyDel)
})

t.test('GC goes on past errors and reports them all', async (t) => {
  const failures = {
    'b DEL': new CniError(11, 'banana'),
    'a GC': new CniError(5, 'apple', 'peel it'),
  }
  const { runtime, invoker } = setUp(t, { failures })
  addNetworkList(runtime, list, attachment)
  addNetworkList(runtime, list, second)
  invoker.take()
  const error = thrown(() => gcNetworkList(runtime, list, []))
  t.equal(error.code, 11)
  const del = 'plugin type="b" name="own" failed (delete): banana'
  t.equal(
    error.message,
    `failed to delete stale attachment c2 eth0: ${del}; ` +
      `failed to delete stale attachment ${attachment.containerId} eth0: ${del}; ` +
      'failed to GC plugin a: apple',
  )
  t.equal(error.details, 'peel it')
  t.strictSame(invoker.take(), ['c DEL', 'b DEL', 'c DEL', 'b DEL', ...everyGc])
})

t.test('GC says why it does not know the attachments', async (t) => {
  const { runtime, file } = setUp(t)
  writeFileSync(dirname(file), 'a file where the folder should be')
  const error = thrown(() => gcNetworkList(runtime, list, []))
  t.match(error.message, /^failed to list the cached attachments of network "cbr0": scandir /)
})
