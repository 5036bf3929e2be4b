/**
 * Makes what is in the kernel what the agent wants, and keeps it so: whatever is changed, by leases
 * or by hand, goes the same way.
 */
import { setImmediate } from 'node:timers/promises'
import { fullText } from '../../lib/base/errors.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { Subscription } from '../../lib/netlink/subscription.ts'
import type { AgentLog } from '../log.ts'
import { ProblemLog } from '../problem-log.ts'
import { applySteps } from './apply.ts'
import { Desired } from './desired.ts'
import { type DeviceMaker, ensureDevice, raiseDevice } from './devices.ts'
import { type Entry, keyOf } from './entry.ts'
import { Mirror } from './mirror.ts'
import { changesByOthers } from './news.ts'
import type { NodeState } from './node-state.ts'
import type { Observer } from './observer.ts'
import { planSteps, type Step } from './plan.ts'
import { type Failure, logFailures, logRepairs } from './step-log.ts'

export interface ReconcilerOptions {
  readonly connection: Connection
  /** Of the same network namespace, opened before anything is read. */
  readonly subscription: Subscription
  readonly node: NodeState
  readonly log: AgentLog
  readonly observer: Observer
}

/** How often it is looked whether the kernel has told something, in ms. */
const pollMs = 250
/** What failed is tried again after so many ms, and then after twice as many each time. */
const [firstRetryMs, lastRetryMs] = [1000, 30_000]

/** The owner of what the node itself needs. */
const nodeOwner = ''

/** Why a key is looked at: somebody wants it otherwise, or it may have been changed. */
type Cause = 'wanted' | 'changed'

export class Reconciler implements AsyncDisposable {
  readonly #options: ReconcilerOptions
  readonly #maker: DeviceMaker
  readonly #desired = new Desired()
  readonly #mirror: Mirror
  #node: NodeState
  #dirty = new Map<string, Cause>()
  /** Why everything has to be read; what was there at the start is adopted, not repaired. */
  #mustLoad: Cause | undefined = 'wanted'
  /** Before all leases are known, nobody knows what is in none of them. */
  #knowsPeers = false
  #isReady = false
  /** What is done to a device since it was there is a repair. */
  #wasReady = false
  #wantedSince: number | undefined // by performance.now()
  readonly #failed = new Set<string>()
  #retryMs = firstRetryMs
  #retry: NodeJS.Timeout | undefined
  readonly #deviceProblems: ProblemLog
  #isClosed = false
  readonly #poll: NodeJS.Timeout
  #passes: Promise<void> | undefined

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#node = options.node
    this.#mirror = new Mirror({
      devices: new Set(options.node.devices.map(({ name }) => name)),
      isUnderlay: (name) => name === this.#node.underlay,
      wanted: (key) => this.#desired.get(key),
      owns: (entry) => this.#node.owns(entry),
    })
    this.#maker = { ...options, links: this.#mirror }
    this.#deviceProblems = new ProblemLog(options.log.error)
    this.#want(nodeOwner, options.node.entries)
    this.#poll = setInterval(() => this.#listen(), pollMs)
  }

  /** How many peers have all that they need, when nothing is being done. */
  get reachableCount(): number {
    // what could not be removed is no peer's
    const owners = [...this.#failed].map((key) => this.#desired.ownerOf(key) ?? nodeOwner)
    return this.#desired.ownerCount - new Set([nodeOwner, ...owners]).size
  }

  /** Whether all devices are there. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** The node itself from now on; its devices keep their names. */
  setNode(node: NodeState): void {
    this.#node = node
    this.#want(nodeOwner, node.entries)
    this.#wake()
  }

  /** All peers by their keys, and what each needs. */
  setPeers(peers: ReadonlyMap<string, readonly Entry[]>): void {
    for (const owner of [...this.#desired.owners]) {
      if (owner !== nodeOwner && !peers.has(owner)) this.#mark(this.#desired.remove(owner))
    }
    for (const [key, entries] of peers) this.#want(key, entries)
    if (!this.#knowsPeers) this.#mark(this.#mirror.keys)
    this.#knowsPeers = true
    this.#wake()
  }

  /** What a peer needs from now on. */
  putPeer(key: string, entries: readonly Entry[]): void {
    this.#want(key, entries)
    this.#wake()
  }

  removePeer(key: string): void {
    this.#mark(this.#desired.remove(key))
    this.#wake()
  }

  /** Resolves when everything that is wanted now has been tried. */
  async settled(): Promise<void> {
    if (this.#dirty.size > 0 || this.#mustLoad !== undefined) this.#wake()
    await this.#passes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#poll)
    await this.#passes
    this.#forgetRetry()
  }

  #want(owner: string, entries: readonly Entry[]): void {
    const { changed, conflicts } = this.#desired.put(owner, entries)
    this.#mark(changed)
    for (const { key, holder, loser } of conflicts) {
      this.#options.log.warn(`${loser} and ${holder} both need ${key}: it stays with ${holder}`)
    }
  }

  #mark(keys: Iterable<string>, cause: Cause = 'wanted'): void {
    for (const key of keys) {
      if (cause === 'wanted' || !this.#dirty.has(key)) this.#dirty.set(key, cause)
    }
  }

  #wake(): void {
    if (this.#isClosed) return
    this.#wantedSince ??= performance.now()
    this.#passes ??= this.#runPasses()
  }

  /** Looks whether the kernel has told something that matters. */
  #listen(): void {
    if (this.#passes !== undefined) return
    try {
      this.#hear()
    } catch (error) {
      this.#options.log.error(`reading what the kernel tells: ${fullText(error)}`)
      this.#options.observer.failed('netlink')
      this.#mustLoad ??= 'changed'
    }
    if (this.#dirty.size > 0 || this.#mustLoad !== undefined) this.#passes = this.#runPasses()
  }

  /** Takes over what the kernel has told. */
  #hear(): void {
    const { messages, lost } = this.#options.subscription.take()
    if (lost) {
      this.#mustLoad ??= 'changed'
      this.#options.observer.underlayChanged() // perhaps
    }
    for (const change of changesByOthers(messages, this.#options.connection.port)) {
      for (const effect of this.#mirror.apply(change)) {
        if (effect.kind === 'reload') this.#mustLoad ??= 'changed'
        else if (effect.kind === 'underlay') this.#options.observer.underlayChanged()
        else this.#mark([effect.key], 'changed')
      }
    }
  }

  async #runPasses(): Promise<void> {
    try {
      do {
        await setImmediate() // what comes together is done together
        const since = this.#wantedSince
        this.#wantedSince = undefined
        await this.#runPass()
        if (since !== undefined) this.#options.observer.applied((performance.now() - since) / 1000)
      } while (this.#wantedSince !== undefined && !this.#isClosed)
    } catch (error) {
      this.#options.log.error(`bringing the kernel up to date: ${fullText(error)}`)
      this.#options.observer.failed('netlink')
      this.#mustLoad ??= 'changed'
      this.#retryLater()
    } finally {
      this.#passes = undefined
    }
  }

  async #runPass(): Promise<void> {
    if (this.#mustLoad !== undefined) this.#load(this.#mustLoad)
    this.#isReady = await this.#ensureDevices()
    this.#wasReady ||= this.#isReady
    const dirty = this.#dirty
    this.#dirty = new Map()
    await this.#apply(dirty)
    if (!this.#isReady || this.#failed.size > 0) this.#retryLater()
    else this.#forgetRetry()
  }

  #load(cause: Cause): void {
    this.#hear() // it is older than what is read now, but for the underlay
    this.#mustLoad = undefined
    this.#mirror.load(this.#options.connection)
    this.#mark(this.#desired.keys, cause)
    this.#mark(this.#mirror.keys, cause)
  }

  /** Has the devices up, with their addresses; returns whether all are. */
  async #ensureDevices(): Promise<boolean> {
    const { log, observer } = this.#options
    let isReady = true
    for (const device of this.#node.devices) {
      try {
        const done = ensureDevice(this.#maker, device)
        if (done === 'made') this.#load('wanted')
        if (done !== 'nothing' && this.#wasReady) observer.repaired('link')
        const keys = this.#node.entries
          .filter(({ kind, link }) => kind === 'address' && link === device.name)
          .map(keyOf)
        await this.#apply(new Map(keys.map((key) => [key, this.#dirty.get(key) ?? 'wanted'])))
        if (raiseDevice(this.#maker, device.name) && done === 'nothing' && this.#wasReady) {
          log.info(`link ${device.name} is down: setting it up`)
          observer.repaired('link')
        }
      } catch (error) {
        this.#deviceProblems.report(device.name, error)
        observer.failed('device')
        isReady = false
      }
    }
    if (isReady) this.#deviceProblems.clear()
    return isReady
  }

  /** Makes what the kernel has of the keys right. */
  async #apply(keys: ReadonlyMap<string, Cause>): Promise<void> {
    const steps = planSteps(keys.keys(), this.#desired, this.#mirror).filter(
      ({ do: verb, entry }) => verb === 'set' || (this.#knowsPeers && this.#mayRemove(entry)),
    )
    const indexOf = (name: string) => this.#mirror.link(name)?.index
    const repairs: Step[] = []
    const failures: Failure[] = []
    for await (const outcomes of applySteps(this.#options.connection, steps, indexOf)) {
      for (const { step, error } of outcomes) {
        if (error !== undefined) failures.push({ step, error })
        else {
          this.#mirror.note(step)
          if (keys.get(step.key) === 'changed') repairs.push(step)
        }
      }
      this.#hear()
    }
    this.#tell(failures, repairs)
    for (const key of keys.keys()) this.#failed.delete(key)
    for (const { step } of failures) this.#failed.add(step.key)
  }

  /** What another program has made on a link that is not the agent's stays, also if it was of use. */
  #mayRemove(entry: Entry): boolean {
    return entry.kind !== 'route' || entry.protocol === undefined || this.#node.owns(entry)
  }

  #tell(failures: readonly Failure[], repairs: readonly Step[]): void {
    const { log, observer } = this.#options
    for (const { step } of failures) observer.failed(step.entry.kind)
    for (const { entry } of repairs) observer.repaired(entry.kind)
    logFailures(log, failures, this.#failed)
    logRepairs(log, repairs)
  }

  /** What is done meanwhile does not put it off. */
  #retryLater(): void {
    if (this.#retry !== undefined) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#mark(this.#failed)
      this.#wake()
    }, this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs)
  }

  #forgetRetry(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#retryMs = firstRetryMs
  }
}
