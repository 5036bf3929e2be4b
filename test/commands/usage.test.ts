import t from 'tap'
import { options, verbs } from '../../commands/args.ts'
import { usage } from '../../commands/usage.ts'
import { defaultSocket, socketVariable } from '../../resident/protocol.ts'

t.test('tells of every command and option', async (t) => {
  for (const verb of verbs) t.match(usage, new RegExp(`^  ${verb} `, 'm'))
  for (const name of Object.keys(options)) t.match(usage, new RegExp(`^ .* --${name}\\b`, 'm'))
})

t.test('tells where the resident server is', async (t) => {
  t.match(usage, `serve: where to listen, in place of ${socketVariable}`)
  t.match(usage, new RegExp(`^  ${socketVariable}\\n.*\n +${defaultSocket}`, 'm'))
})

t.test('fits on a screen of 88 columns', async (t) => {
  for (const line of usage.split('\n')) t.ok(line.length <= 88, line)
})
