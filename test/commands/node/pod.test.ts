import t from 'tap'
import { podOf, podText } from '../../../commands/node/pod.ts'
import { attachmentOf } from './attachment.ts'

const args = [
  ['IgnoreUnknown', '1'],
  ['K8S_POD_NAMESPACE', 'default'],
  ['K8S_POD_NAME', 'web'],
] as const

t.test('a pod is named by its runtime', async (t) => {
  t.strictSame(podOf({ args }), { namespace: 'default', name: 'web' })
  t.equal(podOf({ args: args.slice(0, 2) }), undefined)
  t.equal(podText(attachmentOf({ args })), 'default/web')
  const containerId = '0123456789abcdef'
  t.equal(podText(attachmentOf({ containerId })), 'container 0123456789abc')
})
