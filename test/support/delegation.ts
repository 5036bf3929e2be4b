/** Delegation in tests: a host, plugins of its own, and executables that it finds. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type CallDelegate, createDelegate } from '../../lib/cni/delegate.ts'
import { CniError, DelegationError, toCniError } from '../../lib/cni/errors.ts'
import { executing } from '../../lib/cni/executed-delegate.ts'
import type { Host } from '../../lib/cni/host.ts'
import { callingOwn } from '../../lib/cni/own-delegate.ts'
import type { Context, Delegate, Plugin, Request } from '../../lib/cni/plugin.ts'
import type { Result } from '../../lib/cni/result.ts'
import { TimeLimits } from '../../lib/cni/time-limits.ts'
import { contextOf, requestOf } from './request.ts'
import { plain } from './result.ts'

/** The commands that have no result. */
export const verbs = ['DEL', 'CHECK', 'STATUS', 'GC'] as const

interface Parts {
  /** What is called in this process. */
  readonly own?: readonly Plugin[]
  readonly timeoutMs?: number
  readonly now?: () => number
  readonly sleep?: (ms: number) => void
  /** What calls all others; they are executed without it. */
  readonly otherwise?: CallDelegate
}

/** A host that executes plugins but for its own, and records. */
export function hostOf(parts: Parts = {}) {
  const { own = [], timeoutMs = 20_000, now = () => Date.now(), sleep, otherwise } = parts
  const records = { stderr: '', sleeps: [] as number[] }
  const timeLimits = new TimeLimits(now, timeoutMs)
  const host: Host = {
    ...contextOf(),
    version: '1',
    now,
    writeStderr: (text) => {
      records.stderr += text
    },
    sleep: (ms) => {
      records.sleeps.push(ms)
      sleep?.(ms)
    },
    delegate: createDelegate((delegation) => call(delegation)),
  }
  const isSelf = () => true
  const call = callingOwn(
    { plugins: own, isSelf, timeLimits },
    host,
    otherwise ?? executing({ ...host, timeLimits }),
  )
  return { host, delegate: host.delegate, timeLimits, records }
}

/** Executables of these names in a folder of their own, and a request that finds them. */
export function setUp(t: Test, scripts: Readonly<Record<string, string>>, conf: object = {}) {
  const folder = t.testdir()
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  const env = { ...variables, PATH: process.env['PATH'], CNI_PATH: folder }
  const request = requestOf({ path: folder, env, conf: { cniVersion: '0.4.0', ...conf } })
  return { folder, request }
}

/** The environment of a call. */
export const variables = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/none',
  CNI_IFNAME: 'eth0',
}

/** A plugin of the name `x` that does the same for every command. */
export function pluginOf(work: (request: Request, context: Context) => Result): Plugin {
  const run = (request: Request, context: Context) => void work(request, context)
  return { name: 'x', add: work, del: run, check: run, status: run, gc: run }
}

/** Everything that a caller can see of all commands. */
export function seenOf(delegate: Delegate, request: Request, stdin: string): unknown {
  const attempt = (call: () => Result | void) => {
    try {
      return { result: plain(call() ?? null) }
    } catch (error) {
      const isOwn = error instanceof DelegationError
      return { error: toCniError(error).toObject(), isCniError: error instanceof CniError, isOwn }
    }
  }
  return [
    attempt(() => delegate.add('x', request, stdin)),
    ...verbs.map((verb) => attempt(() => delegate.run(verb, 'x', request, stdin))),
  ]
}
