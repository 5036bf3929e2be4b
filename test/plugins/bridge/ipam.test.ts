import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import type { Delegate } from '../../../lib/cni/plugin.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { addIpam } from '../../../plugins/bridge/ipam.ts'
import { contextOf, requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

/** Calls an IPAM plugin that answers with these outcomes, one after the other. */
function ask(type: string, ...outcomes: (CniError | undefined)[]) {
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
  return { calls, warnings: context.warnings, add: () => addIpam(type, request, context) }
}

const text = '10.1.2.2 has been allocated to c1, duplicate allocation is not allowed'
const duplicate = new CniError(999, `failed to allocate for range 0: ${text}`)
const add = 'ADD host-local as it came'
const del = 'DEL host-local as it came'

t.test('the plugin gets the configuration as it came', async (t) => {
  const { add: addOnce, calls, warnings } = ask('host-local')
  t.equal(addOnce(), emptyResult)
  t.strictSame([calls, warnings], [[add], []])
})

t.test('what an interrupted call left is released', async (t) => {
  const { add: addTwice, calls, warnings } = ask('host-local', duplicate)
  t.equal(addTwice(), emptyResult)
  t.strictSame(calls, [add, del, add])
  t.strictSame(warnings, [`released what an interrupted call left (${duplicate.message})`])
})

t.test('the first error counts', async (t) => {
  for (const outcomes of [
    [duplicate, new CniError(50, 'cannot release')],
    [duplicate, undefined, new CniError(50, 'still not')],
  ]) {
    const { add: addAgain, warnings } = ask('host-local', ...outcomes)
    t.equal(thrown(addAgain), duplicate)
    t.strictSame(warnings, [])
  }
})

t.test('other errors are no reason to release anything', async (t) => {
  for (const [type, error] of [
    ['host-local', new CniError(11, 'no IP addresses available in range set: 10.1.2.1-10.1.2.254')],
    ['host-local', new CniError(11, 'requested IP address 10.1.2.9 is not available')],
    ['host-local', new CniError(7, 'failed to allocate all requested IPs: 10.9.9.9')],
    ['host-local', new CniError(11, text)],
    ['host-local', new CniError(999, 'open /var/lib/cni: read-only file system')],
    ['whereabouts', duplicate],
  ] as const) {
    const { add: addOnce, calls, warnings } = ask(type, error)
    t.equal(thrown(addOnce), error)
    t.strictSame([calls, warnings], [[`ADD ${type} as it came`], []])
  }
})
