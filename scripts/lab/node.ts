/**
 * A node and its pods for tests and scripts: network namespaces of their own, and a temporary folder for
 * the state that plugins keep. Everything is removed with the scope, whichever way that ends.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inside, missingProgram, runSync } from './run.ts'

/** A network namespace under /run/netns. */
export interface Namespace {
  readonly name: string
  /** Its path, as CNI_NETNS takes it. */
  readonly netns: string
}

/** A pod's sandbox: a namespace with nothing but a loopback interface that is down. */
export interface Pod extends Namespace {
  readonly containerId: string
}

export interface Node extends Namespace {
  /** A temporary folder: the state of plugins, their configuration files. */
  readonly dir: string
  /** Makes a pod on this node. */
  pod(): Pod
}

/** What removes things when it ends; tap's `t` is one. */
export interface Scope {
  teardown(remove: () => void): void
}

/**
 * Why there can be no nodes here, for the `skip` option of `t.test`; false when there can.
 */
export function kernelSkip(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces'
  try {
    runSync(['unshare', '--net', 'true'])
    return missingProgram('ip', 'bridge', 'nsenter', 'ping')
  } catch (error) {
    return `cannot make a network namespace here: ${error instanceof Error ? error.message : error}`
  }
}

/**
 * Makes a node: loopback up, and forwarding off as on a machine that has just been started (a new
 * namespace would take IPv4 forwarding over from the machine). Its folder is made in `parent`.
 */
export function makeNode(scope: Scope, parent = tmpdir()): Node {
  const dir = mkdtempSync(join(parent, `cnits-${process.pid}-`))
  scope.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const namespace = addNamespace(scope)
  runSync(['ip', '-n', namespace.name, 'link', 'set', 'lo', 'up'])
  setSysctl(namespace, 'net/ipv4/ip_forward', '0')
  const pod = (): Pod => ({ ...addNamespace(scope), containerId: `pod-${unique()}` })
  return { ...namespace, dir, pod }
}

/** Makes a network namespace that is removed with the scope. */
export function addNamespace(scope: Scope): Namespace {
  const name = `cnits-${unique()}`
  runSync(['ip', 'netns', 'add', name])
  scope.teardown(() => removeNamespace(name))
  return { name, netns: join('/run/netns', name) }
}

/** Removes a namespace with everything in it; one that is gone already is left gone. */
function removeNamespace(name: string): void {
  if (runSync(['ip', 'netns', 'list']).split(/\s/).includes(name)) {
    runSync(['ip', 'netns', 'delete', name])
  }
}

/** Writes a sysctl of a namespace; `key` is its path under /proc/sys, e.g. `net/ipv4/ip_forward`. */
export function setSysctl(namespace: Namespace, key: string, value: string): void {
  const script = 'printf %s "$2" > "/proc/sys/$1"'
  runSync(inside(namespace.netns, ['sh', '-c', script, 'sh', key, value]))
}

/** Reads a sysctl of a namespace. */
export function getSysctl(namespace: Namespace, key: string): string {
  return runSync(inside(namespace.netns, ['cat', `/proc/sys/${key}`])).trim()
}

function unique(): string {
  return `${process.pid}-${randomBytes(4).toString('hex')}`
}
