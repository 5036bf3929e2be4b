import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import type { Delegate } from '../../../lib/cni/plugin.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { addIpam } from '../../../plugins/bridge/ipam.ts'
import { contextOf, requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

/** Calls an IPAM plugin that answers with these outcomes, one after the other. */
function ask(...outcomes: (CniError | undefined)[]) {
  const calls: string[] = []
  const record = (call: string) => {
    calls.push(call)
    const outcome = outcomes.shift()
    if (outcome !== undefined) throw outcome
  }
  const delegate: Delegate = {
    add(type, _, stdin) {
      record(`ADD ${type} ${stdin}`)
      return emptyResult
    },
    run: (command, type, _, stdin) => record(`${command} ${type} ${stdin}`),
  }
  const context = contextOf({ delegate })
  const request = { ...requestOf(), stdin: 'as it came' }
  return { calls, warnings: context.warnings, add: () => addIpam('x', request, context) }
}

const duplicate = new CniError(999, 'duplicate allocation')
const add = 'ADD x as it came'
const del = 'DEL x as it came'

t.test('the plugin gets the configuration as it came', async (t) => {
  const { add: addOnce, calls, warnings } = ask()
  t.equal(addOnce(), emptyResult)
  t.strictSame([calls, warnings], [[add], []])
})

t.test('what an interrupted call left is released', async (t) => {
  const { add: addTwice, calls, warnings } = ask(duplicate)
  t.equal(addTwice(), emptyResult)
  t.strictSame(calls, [add, del, add])
  t.strictSame(warnings, ['released what an interrupted call left (duplicate allocation)'])
})

t.test('the first error counts', async (t) => {
  for (const outcomes of [
    [duplicate, new CniError(50, 'cannot release')],
    [duplicate, undefined, new CniError(50, 'still not')],
  ]) {
    const { add: addAgain, warnings } = ask(...outcomes)
    t.equal(thrown(addAgain), duplicate)
    t.strictSame(warnings, [])
  }
})
