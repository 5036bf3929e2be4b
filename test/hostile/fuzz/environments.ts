/** Environments of calls, some of which no runtime would make. */
import fc, { type Arbitrary } from 'fast-check'
import { oddText } from './documents.ts'

export interface CallEnvironment {
  readonly CNI_COMMAND: string
  readonly [name: string]: string
}

/** Where CNI_PATH leads to. */
export const pluginFolder = '/state/bin'

/** A FIFO that nobody writes: who opens it waits for ever. */
export const fifo = '/state/fifo'

/** Sandboxes that are none, and one that is the node's own. */
const badSandboxes = [
  ...['/run/netns/none', '/etc/hostname', '/dev/null', '/etc', 'relative', '/state/networks'],
  ...['/proc/self/ns/mnt', '/proc/thread-self/ns/net', '/proc/1/fd/999', '/dev/zero', fifo],
]

const commands = fc.oneof(
  { weight: 4, arbitrary: fc.constant('ADD') },
  { weight: 4, arbitrary: fc.constant('DEL') },
  { weight: 3, arbitrary: fc.constantFrom('CHECK', 'STATUS', 'GC', 'VERSION') },
)
const containers = fc.nat(40).map((number) => `c${number}`)

/** Mostly such a value, sometimes an odd one. */
function variable(usual: Arbitrary<string>): Arbitrary<string> {
  return fc.oneof({ weight: 19, arbitrary: usual }, { weight: 1, arbitrary: oddText })
}

/** Environments; `share` of ten calls are for the sandbox at this path. */
export function environmentsFor(netns: string, share: number): Arbitrary<CallEnvironment> {
  const sandboxes = fc.oneof(
    { weight: share, arbitrary: fc.constant(netns) },
    { weight: 10 - share, arbitrary: fc.constantFrom(...badSandboxes) },
  )
  return fc.record({
    CNI_COMMAND: variable(commands),
    CNI_CONTAINERID: variable(containers),
    CNI_NETNS: variable(sandboxes),
    CNI_IFNAME: variable(fc.constant('eth0')),
    CNI_ARGS: fc.oneof(fc.constant(''), fc.constant('IgnoreUnknown=1;IP=10.1.2.9'), oddText),
    CNI_PATH: variable(fc.constant(pluginFolder)),
    CNI_LOG_LEVEL: variable(fc.constant('debug')),
  })
}
