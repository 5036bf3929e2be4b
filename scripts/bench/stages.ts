/** The stages of a call of one process, told from outside by its system calls: pure. */
import { messageTypes } from './message-types.ts'
import { percentile } from './statistics.ts'
import type { SystemCall } from './trace.ts'

export interface Stage {
  readonly name: string
  readonly ms: number
}

/** The system calls that `stagesOf` needs. */
export const stageCalls = [
  ...['clone3', 'clone', 'vfork', 'execve', 'read', 'sendto', 'recvfrom'],
  ...['flock', 'mkdir', 'rmdir', 'write', 'wait4', 'exit_group'],
]

interface Span {
  readonly name: string
  readonly start: number
  readonly end: number
}

/**
 * The stages of the plugin that the caller started, in their order, from before its start to after
 * the wait for it. What lies between those that have a name is the plugin's own code. Throws when
 * the calls are not those of a plugin in one process.
 */
export function stagesOf(calls: readonly SystemCall[]): Stage[] {
  const caller = find(calls, 'execve', / = 0$/).pid
  const { pid } = find(
    calls.filter((call) => call.pid !== caller),
    'execve',
    / = 0$/,
  )
  const { start } = find(calls, /^v?fork$|^clone3?$/, new RegExp(` = ${pid}$`))
  const { end } = find(calls, 'wait4', new RegExp(` = ${pid}$`))
  const main = calls.filter((call) => call.pid === pid).toSorted((a, b) => a.start - b.start)
  const spans = [
    ...startSpans(main, start),
    ...confSpans(main),
    ...netlinkSpans(main),
    ...lockSpans(main),
    ...endSpans(main, end),
  ].toSorted((a, b) => a.start - b.start)
  const stages = spans.map((span) => ({ name: span.name, ms: span.end - span.start }))
  const named = stages.reduce((total, { ms }) => total + ms, 0)
  return [...stages, { name: 'between them: the plugin’s own code', ms: end - start - named }]
}

function startSpans(main: readonly SystemCall[], start: number): Span[] {
  const executed = main.filter(({ name, text }) => name === 'execve' && text.endsWith(' = 0'))
  const [first, second] = executed
  const last = second ?? first
  if (first === undefined || last === undefined) throw new Error('nothing was executed')
  const stdin = find(
    main.filter((call) => call.start > last.end),
    'read',
    /^0, /,
  )
  return [
    { name: 'the process is made', start, end: first.end },
    ...(second ? [{ name: 'the front executes cni', start: first.end, end: second.end }] : []),
    { name: 'Node starts, and loads the plugins', start: last.end, end: stdin.start },
  ]
}

/** Until something is asked of the kernel; files of flannel's are read and written in it, too. */
function confSpans(main: readonly SystemCall[]): Span[] {
  const [request] = netlinkSpans(main)
  const stdin = main.findLast(
    ({ name, text, start }) =>
      name === 'read' && text.startsWith('0, ') && start < (request?.start ?? 0),
  )
  if (request === undefined || stdin === undefined) return []
  return [{ name: 'the configuration is checked', start: stdin.end, end: request.start }]
}

/** From each request to the last answer before something else. */
function netlinkSpans(main: readonly SystemCall[]): Span[] {
  return main.flatMap((call, index) => {
    const types = [...call.text.matchAll(/\bnlmsg_type=(\w+)/g)].map(([, type = '']) => type)
    if (call.name !== 'sendto' || types.length === 0) return []
    const next = main.findIndex(({ name }, at) => at > index && name !== 'recvfrom')
    const { end } = main[next - 1] ?? call
    const name = types.map((type) => messageTypes[type] ?? type).join(' and ')
    return [{ name, start: call.start, end }]
  })
}

/** host-local holds a lock while `lock.lock` exists. */
function lockSpans(main: readonly SystemCall[]): Span[] {
  const asked = main.find(({ name }) => name === 'flock')
  const held = main.find(({ name, text }) => name === 'mkdir' && text.includes('/lock.lock"'))
  const given = main.find(({ name, text }) => name === 'rmdir' && text.includes('/lock.lock"'))
  if (asked === undefined || held === undefined || given === undefined) return []
  return [
    { name: 'host-local takes the lock', start: asked.start, end: held.end },
    { name: 'host-local works under the lock', start: held.end, end: given.end },
  ]
}

function endSpans(main: readonly SystemCall[], end: number): Span[] {
  const exit = find(main, 'exit_group', /./)
  const answer = main.find(({ name, text }) => name === 'write' && text.startsWith('1, '))
  const left = { name: 'the process is gone', start: exit.start, end }
  if (answer === undefined) return [left]
  return [
    { name: 'the result is written', start: answer.start, end: answer.end },
    { name: 'Node stops', start: answer.end, end: exit.start },
    left,
  ]
}

function find(calls: readonly SystemCall[], name: string | RegExp, text: RegExp): SystemCall {
  const found = calls.find(
    (call) =>
      (typeof name === 'string' ? call.name === name : name.test(call.name)) &&
      text.test(call.text),
  )
  if (found === undefined) throw new Error(`no ${name} with ${text} was traced`)
  return found
}

/**
 * The medians of the stages of several calls, in the order of the first. Stages of the same name in
 * one call are told apart by which of them they are.
 */
export function medianStages(rounds: readonly (readonly Stage[])[]): Stage[] {
  const numbered = rounds.map(
    (stages) =>
      new Map(
        stages.map(({ name, ms }, index) => {
          const before = stages.slice(0, index).filter((stage) => stage.name === name).length
          return [`${name}\0${before}`, ms]
        }),
      ),
  )
  return [...(numbered[0]?.keys() ?? [])].map((key) => {
    const values = numbered.flatMap((stages) => stages.get(key) ?? [])
    return { name: key.replace(/\0.*/, ''), ms: percentile(values, 50) }
  })
}
