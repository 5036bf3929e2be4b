import t from 'tap'
import { planAttachments } from '../../../commands/uninstall/attachments.ts'
import { listOf, setUp } from '../../support/runtime.ts'
import { attachmentOf } from '../node/attachment.ts'

t.test('the plugins that are there remove what attachments have', async (t) => {
  const { runtime, invoker } = setUp(t, { missing: ['b'] })
  const list = listOf('1.1.0', { disableGC: true })
  const [removal, ...more] = planAttachments(runtime, [list], [attachmentOf()])
  t.strictSame(more, [])
  t.equal(removal?.what, 'interfaces, addresses and rules of attachments to cbr0: 1 known')
  removal?.remove()
  t.strictSame(invoker.take(), ['a GC', 'c GC'])
  t.strictSame(JSON.parse(invoker.latest[0]?.stdin ?? '')['cni.dev/valid-attachments'], [])
})

t.test('nothing is planned where no plugin is left', async (t) => {
  const { runtime } = setUp(t, { missing: ['a', 'b', 'c'] })
  t.strictSame(planAttachments(runtime, [listOf('1.1.0')], []), [])
})
