/** Runs a case with the executables of one implementation, and notes what can be seen of it. */
import { join } from 'node:path'
import { inside, run } from '../../scripts/lab/run.ts'
import type { Call, Case } from './case.ts'
import { filesIn } from './files.ts'
import { lookAt } from './look.ts'
import { Names } from './names.ts'
import { onNode, type Places, variables, withPlaces } from './places.ts'
import { renameReply, type Reply, replyOf } from './reply.ts'
import { stateOf } from './state.ts'
import { renameTree, type Tree } from './tree.ts'

/** A case that is running. */
interface Run {
  readonly testCase: Case
  readonly places: Places
  /** What stands for the places in the case. */
  readonly values: Readonly<Record<string, string>>
  readonly names: Names
  /** What the last ADD of each attachment printed. */
  readonly results: Map<string, string>
}

/** What was seen after a step. */
export interface Sight {
  /** Of a call. */
  readonly reply: Reply | undefined
  readonly state: Tree
}

/** Runs a case with the executables of a folder, and returns what was seen after each step. */
export async function runCase(testCase: Case, binDir: string): Promise<Sight[]> {
  return withPlaces(testCase, async (places) => {
    const values = { ...variables(places), BIN: binDir }
    const names = namesOf(testCase, places, values)
    const running: Run = { testCase, places, values, names, results: new Map() }
    const rename = (text: string) => names.apply(text)
    const seen: Sight[] = []
    for (const [index, step] of testCase.steps.entries()) {
      const reply = 'shell' in step ? await onNode(places, step.shell) : await call(running, step)
      const kernel = looksAfter(testCase, index) ? await kernelState(running) : {}
      const state = renameTree({ ...kernel, file: filesIn(places.dir) }, rename)
      seen.push({ reply: reply && renameReply(reply, rename), state })
    }
    return seen
  })
}

function looksAfter({ kernel = 'after changes', steps }: Case, index: number): boolean {
  if (kernel === 'left alone') return false
  if (kernel === 'after every step' || index === steps.length - 1) return true
  const step = steps[index]
  const changes = step !== undefined && 'command' in step && step.command !== 'CHECK'
  return kernel === 'after changes' && changes
}

function namesOf(
  testCase: Case,
  { node, pods }: Places,
  values: Readonly<Record<string, string>>,
): Names {
  const paths = Object.entries(values).map(([name, value]) => [value, `$${name}`] as const)
  const roles = [node, ...pods].map(({ name, role }) => [name, role] as const)
  return new Names([...paths, ...roles], JSON.stringify(testCase))
}

async function call(running: Run, step: Call): Promise<Reply> {
  const { testCase, places, values, results } = running
  const { plugin, conf } = testCase
  const replace = (text: string) =>
    text.replaceAll(/\$([A-Z]+[0-9]?)/g, (found, name: string) => values[name] ?? found)
  const env = environment(step)
  const attachment = `${env['CNI_CONTAINERID']}/${env['CNI_IFNAME']}`
  const given = step.stdin ?? JSON.stringify({ ...conf, ...step.conf })
  const stdin = given.replaceAll('"$RESULT"', results.get(attachment) ?? 'null')
  const outcome = await run(inside(places.node.netns, [join(replace('$BIN'), plugin)]), {
    stdin: replace(stdin),
    env: mapValues(env, (value) => value && replace(value)),
  })
  // Without a command, a plugin says on stderr what it is.
  if (!env['CNI_COMMAND']) return replyOf({ ...outcome, stdout: outcome.stdout + outcome.stderr })
  const reply = replyOf(outcome)
  if (reply.kind === 'result') results.set(attachment, outcome.stdout)
  return reply
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}

function environment({ command, env }: Call): Readonly<Record<string, string | undefined>> {
  return {
    PATH: process.env['PATH'],
    CNI_COMMAND: command,
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '$POD',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '$BIN',
    ...env,
  }
}

/** The namespaces by their roles; one that is gone is left out. */
async function kernelState({ places, names }: Run): Promise<Record<string, Tree>> {
  const all = [places.node, ...places.pods]
  const looks = await lookAt(all)
  return Object.fromEntries(
    all.flatMap(({ role }, index) => {
      const look = looks[index]
      if (look === undefined) return []
      names.learn(role, look.links)
      return [[role, stateOf(look)]]
    }),
  )
}
