/** System calls of an executable, as strace(1) sees them, and the faults that it injects into them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostVethName } from '../../plugins/bridge/veth-name.ts'
import { missingProgram, runSync } from '../../scripts/lab/run.ts'
import { messageTypes } from './message-types.ts'
import { requestOf } from './request.ts'

/** One system call of an executable's main thread. */
export interface SystemCall {
  readonly name: string
  /** Which of the calls with this name it is, from 1. How many there are differs between runs. */
  readonly nth: number
  /** What it is about: a path, or the type of a netlink message, without the names of the run. */
  readonly object: string
  /** Which of the calls with this name and object it is, from 1. */
  readonly turn: number
  /** As strace writes it. */
  readonly text: string
}

/** The command line in place of an executable. */
export type Argv = (executable: string) => readonly string[]

/** Why faults cannot be injected here, or false when they can. */
export function straceSkip(): string | false {
  const missing = missingProgram('strace')
  if (missing !== false) return missing
  try {
    runSync(['strace', '-qq', '-e', 'trace=none', 'true'])
    return false
  } catch (error) {
    return `strace cannot be used here: ${error instanceof Error ? error.message : error}`
  }
}

const names =
  '(sendto|recvfrom|openat|write|(rename|(sym)?link|mkdir|unlink)(at2?)?|rmdir|utimensat)'
const strace = ['strace', '-qq', '-y', '-s', '200', '-e', 'signal=none']

/** One run: calls of different runs are the same but for these names. */
export interface Run {
  /** The folder that the plugin's files are in. */
  readonly dir: string
  readonly containerId: string
}

/** Runs the executable, and writes to a file which calls it makes. */
export function recording(run: Run): Argv {
  return (executable) => [...strace, '-e', `trace=/^${names}$`, '-o', log(run), executable]
}

/**
 * The same, with a fault in one of the calls: `signal=KILL` in place of it, or `error=EIO`. The call
 * is found by its path if that is known; else by counting, and then another one may meet the fault:
 * a runtime of JavaScript that it keeps from going on is ended.
 */
export function injecting(run: Run, call: SystemCall, fault: string): Argv {
  const output = `${run.dir}/stdout`
  const found = call.object === stdout ? output : pathOf(call.object, run)
  const path = unfollowed.includes(call.name) ? undefined : found
  const which = path === undefined ? call.nth : call.turn
  const inject = `inject=${call.name}:${fault}:when=${which}`
  const args = ['-e', `trace=${call.name}`, '-e', inject, '-o', log(run)]
  const where = path === undefined ? [] : ['-P', path]
  // stdout is a file, so that it has a path
  const shell = ['sh', '-c', '"$@" > "$0"; code=$?; cat "$0"; exit $code', output]
  const traced = ['timeout', `${maxSeconds}`, ...strace, ...args, ...where]
  return (executable) => [...shell, ...traced, executable]
}

/** strace does not look at the second of two paths. */
const unfollowed = ['rename', 'link']

/** No call takes longer in which one system call fails. */
const maxSeconds = 30

function log({ dir }: Run): string {
  return join(dir, 'calls')
}

/** The calls that were recorded and that matter: by netlink, by sysctls, and on files in `dir`. */
export function recorded(run: Run): SystemCall[] {
  return callsIn(run).filter((call) => matters(call, run))
}

/** Whether the fault that was injected has met this call, and not another one of the same name. */
export function isMet(run: Run, call: SystemCall): boolean {
  // a call in which the process is killed never returns
  const met = callsIn(run).find(({ text }) => /(?:\(INJECTED\)|= \?)$/.test(text))
  return met !== undefined && isSame(met, call)
}

export function isSame(a: SystemCall, b: SystemCall): boolean {
  return a.name === b.name && a.object === b.object && a.turn === b.turn
}

/** Whether the kernel, or a file, is not the same afterwards. */
export function isChange({ name, object, text }: SystemCall): boolean {
  if (name === 'openat') return text.includes('O_CREAT')
  return name !== 'recvfrom' && !object.includes('GET')
}

/** The call in a line of a test's output. */
export function title({ name, object, turn }: SystemCall): string {
  const shown = object.replace('$dir/', '').replace('$sysctl/', '')
  return turn === 1 ? `${name} ${shown}` : `${name} ${shown} (${turn})`
}

function callsIn(run: Run): SystemCall[] {
  const counts = new Map<string, number>()
  const next = (key: string): number => {
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    return count
  }
  const lines = readFileSync(log(run), 'utf8').split('\n')
  return lines.flatMap((text) => {
    const [, name] = /^(\w+)\(/.exec(text) ?? []
    if (name === undefined) return []
    const object = objectOf(name, text, run)
    return [{ name, nth: next(name), object, turn: next(`${name} ${object}`), text }]
  })
}

/** Runtimes of JavaScript write to pipes of their own, and open files to read them. */
function matters({ name, text, object }: SystemCall, { dir }: Run): boolean {
  if (name === 'sendto' || name === 'recvfrom') return true
  if (name === 'openat' && !/O_WRONLY|O_RDWR|O_CREAT/.test(text)) return false
  return text.includes(dir) || text.includes('/proc/sys/') || object === stdout
}

const stdout = 'stdout'

function objectOf(name: string, text: string, run: Run): string {
  if (name === 'sendto') return messageType(text)
  // what it reads is not to be seen where it fails
  if (name === 'recvfrom') return 'message'
  if (text.startsWith('write(1<')) return stdout
  // the last path is what a name is given to, but for the one that openat returns
  const paths = text.replace(/ = .*/, '').match(/(?<=[<"])\/[^">]*/g) ?? []
  const path = (name === 'write' ? paths[0] : paths.at(-1)) ?? ''
  return namesOf(run)
    .reduce((object, [actual, general]) => object.replace(actual, general), path)
    .replace(/\.new-[\da-f]+/, '.new-*')
}

/** The path that it is about in a run; undefined when there is none, or a random one. */
function pathOf(object: string, run: Run): string | undefined {
  if (!object.startsWith('$') || object.includes('*')) return undefined
  return namesOf(run).reduce(
    (path, [actual, general]) => path.replace(general, () => actual),
    object,
  )
}

function namesOf({ dir, containerId }: Run): [actual: string, general: string][] {
  return [
    ['/proc/sys/', '$sysctl/'],
    [dir, '$dir'],
    [hostVethName(requestOf({ containerId })), 'PORT'],
    [containerId, 'POD'],
  ]
}

/** The messages that plugins send beside those about links; nfnetlink_conntrack.h, nf_tables.h. */
const types: Readonly<Record<string, string>> = {
  ...messageTypes,
  '0x102': 'IPCTNL_MSG_CT_DELETE',
  '0xa04': 'NFT_MSG_GETCHAIN',
  '0xa07': 'NFT_MSG_GETRULE',
}

function messageType(text: string): string {
  const [, type = 'unknown'] = /nlmsg_type=(?:\w+<<8\|)?(\w+)/.exec(text) ?? []
  return types[type] ?? type
}
