/** Requests and contexts for tests that call a plugin's functions. */
import type { Log } from '../../lib/base/log.ts'
import type { Context, Delegate, Request } from '../../lib/cni/plugin.ts'
import type { Version } from '../../lib/cni/versions.ts'
import { Tools } from '../../lib/firewall/node-tool.ts'

/** A request; `conf` is a network configuration, to which a name and a version are added. */
export type RequestParts = Partial<Omit<Request, 'network' | 'conf' | 'stdin'>> & {
  readonly conf?: object
}

export function requestOf(parts: RequestParts = {}): Request {
  const { conf = {}, ...rest } = parts
  const cniVersion: Version = '1.1.0'
  const full = { name: 'net1', cniVersion, ...conf }
  return {
    command: 'ADD',
    containerId: 'c1',
    netns: '/run/netns/none',
    ifName: 'eth0',
    args: '',
    path: '/opt/cni/bin',
    env: {},
    configuredVersion: full.cniVersion,
    ...rest,
    network: full.name,
    conf: full,
    stdin: JSON.stringify(full),
  }
}

/** A context whose clock stands still but for its sleeps, which take no time, and its records. */
export interface TestContext extends Context {
  /** The same clock, for hosts. */
  elapsed(): number
  startStages(): []
  readonly warnings: string[]
  /** In milliseconds, one entry for each call. */
  readonly sleeps: number[]
}

/** A context that records; its random bytes count up, and it delegates to nobody. */
export function contextOf(parts: Partial<Context> = {}): TestContext {
  const warnings: string[] = []
  const sleeps: number[] = []
  const log: Log = { warn: (message) => warnings.push(message), debug: () => undefined }
  let random = 0
  return {
    log,
    delegate: refuseToDelegate,
    tools: new Tools(),
    randomBytes: (length) => Uint8Array.from({ length }, () => random++),
    now: () => 1_700_000_000_000 + sleeps.reduce((sum, ms) => sum + ms, 0),
    sleep: (ms) => {
      sleeps.push(ms)
    },
    elapsed: () => sleeps.reduce((sum, ms) => sum + ms, 0),
    startStages: () => [],
    ...parts,
    warnings,
    sleeps,
  }
}

const refuseToDelegate: Delegate = {
  add: (type) => {
    throw new Error(`this test does not expect a delegation to ${type}`)
  },
  run: (command, type) => {
    throw new Error(`this test does not expect a delegation of ${command} to ${type}`)
  },
}
