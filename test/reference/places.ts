/** Nodes that are made and removed without blocking, since many are in use at once. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from '../../scripts/lab/run.ts'
import type { Case } from './case.ts'

/** A node with its pods, for one case and one implementation. */
export interface Places {
  readonly dir: string
  readonly node: Place
  readonly pods: readonly Place[]
}

/** A network namespace. */
export interface Place {
  /** As reports name it. */
  readonly role: string
  readonly name: string
  readonly netns: string
}

/**
 * What a node is like before the case's own set-up. Without duplicate address detection the host's
 * IPv6 addresses are there at once, and what is seen does not depend on when it is looked at.
 */
const bareNode = `
ip link set lo up
echo 0 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
`

/** The network of this process. */
const ownNetwork: Place = { role: 'node', name: '/proc/self/ns/net', netns: '/proc/self/ns/net' }

/** Makes the node and the pods of a case, runs `work`, and removes them. */
export async function withPlaces<T>(
  testCase: Case,
  work: (places: Places) => Promise<T>,
): Promise<T> {
  const { files = {}, setUp = '' } = testCase
  const dir = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-`))
  const roles = JSON.stringify(testCase).includes('$POD2') ? ['pod', 'pod2'] : ['pod']
  const node = isNetworkless(testCase) ? ownNetwork : place('node')
  const places = { dir, node, pods: roles.map(place) }
  const made = [places.node, ...places.pods].filter((each) => each !== ownNetwork)
  const names = made.map(({ name }) => name)
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), content)
    }
    await ip(names.map((name) => `netns add ${name}`))
    if (node !== ownNetwork) await onNode(places, bareNode + setUp)
    return await work(places)
  } finally {
    await ip(names.map((name) => `netns delete ${name}`)).catch(() => {}) // one that a step deleted
    rmSync(dir, { recursive: true })
  }
}

/** host-local neither changes a network nor looks at one: the machine's own serves it as well. */
function isNetworkless({ plugin, kernel, setUp }: Case): boolean {
  return plugin === 'host-local' && kernel === 'left alone' && setUp === undefined
}

/** Runs commands of sh(1) on the node, with the places in their environment. */
export async function onNode(places: Places, script: string): Promise<undefined> {
  const argv = [places.node.netns, script]
  await shell('exec nsenter --net="$1" -- sh -e -c "$2"', argv, variables(places))
  return undefined
}

/** What stands for the places in a case, without the dollar signs. */
export function variables({ dir, node, pods }: Places): Record<string, string> {
  const paths = pods.map(({ role, netns }) => [role.toUpperCase(), netns])
  return { DIR: dir, NODE: node.netns, ...Object.fromEntries(paths) }
}

function place(role: string): Place {
  const name = `cnits-${process.pid}-${randomBytes(4).toString('hex')}`
  return { role, name, netns: join('/run/netns', name) }
}

/** Runs commands of ip(8), also behind one that fails. */
async function ip(commands: readonly string[]): Promise<void> {
  const { code, stderr } = await run(['ip', '-force', '-batch', '-'], {
    stdin: commands.join('\n'),
  })
  if (code !== 0) throw new Error(`ip ${commands.join('; ')}: ${stderr}`)
}

async function shell(
  script: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<void> {
  const env = { ...process.env, ...variables }
  const { code, stderr } = await run(['sh', '-c', script, 'sh', ...args], { env })
  if (code !== 0) throw new Error(`${script} ${args.join(' ')}: exit status ${code}: ${stderr}`)
}
