/** A node whose kernel state is kept by a reconciler of the test's own process, and what it says. */
import { setTimeout } from 'node:timers/promises'
import { type Backend, type Node as Site } from '../../flanneld/backends/backend.ts'
import { backendOf } from '../../flanneld/backends/index.ts'
import type { Entry } from '../../flanneld/state/entry.ts'
import { Reconciler } from '../../flanneld/state/reconciler.ts'
import type { Lease } from '../../lib/flannel/lease.ts'
import { Netns } from '../../lib/linux/netns.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import { groups, Subscription } from '../../lib/netlink/subscription.ts'
import { addNamespace, type Namespace, type Scope } from '../../scripts/lab/node.ts'
import { inside, runSync } from '../../scripts/lab/run.ts'
import { cidr, ip } from './address.ts'

/** VNIs of these tests: no device of the machine itself has such a name. */
export const vni = 4201
export const device = `flannel.${vni}`
export const deviceV6 = `flannel-v6.${vni}`

/** This node is number 1 of its cluster. */
export function siteOf(families: readonly (4 | 6)[] = [4]): Site {
  const both = {
    4: { network: '10.244.0.0/16', subnet: '10.244.1.0/24', mac: mac(1) },
    6: { network: 'fd00:244::/48', subnet: 'fd00:244:0:1::/64', mac: mac(0x61) },
  } as const
  return {
    underlay: {
      name: 'eth0',
      mtu: 1500,
      prefixes: [cidr('192.0.2.1/24'), cidr('2001:db8::1/64')],
      publicIps: { 4: ip('192.0.2.1'), 6: ip('2001:db8::1') },
    },
    networks: families.map((of) => cidr(both[of].network)),
    subnets: families.map((of) => cidr(both[of].subnet)),
    macs: Object.fromEntries(families.map((of) => [of, both[of].mac])),
  }
}

/** The lease of another node, with both families. */
export function leaseOf(number: number, changes: Partial<Lease['attributes']> = {}): Lease {
  return {
    subnets: [cidr(`10.244.${number}.0/24`), cidr(`fd00:244:0:${number.toString(16)}::/64`)],
    attributes: {
      publicIp: ip(`192.0.2.${number}`),
      publicIpv6: ip(`2001:db8::${number.toString(16)}`),
      backendType: 'vxlan',
      backendData: { VNI: vni, VtepMAC: mac(number) },
      backendV6Data: { VNI: vni, VtepMAC: mac(0x60 + number) },
      ...changes,
    },
  }
}

export function mac(number: number): string {
  return `0e:00:00:00:00:${number.toString(16).padStart(2, '0')}`
}

/** A namespace with eth0, which is up and has an address of both families. */
export class Machine {
  readonly namespace: Namespace
  readonly netns: Netns

  constructor(scope: Scope) {
    this.namespace = addNamespace(scope)
    this.netns = Netns.open(this.namespace.netns)
    scope.teardown(() => this.netns[Symbol.dispose]())
    this.addUnderlay()
  }

  addUnderlay(): void {
    this.ip('link add eth0 type veth peer wire')
    this.ip('link set eth0 addrgenmode none') // its news would come seconds later
    this.ip('link set wire up')
    this.ip('link set eth0 up')
    this.ip('address add 192.0.2.1/24 dev eth0')
    this.ip('address add 2001:db8::1/64 dev eth0 nodad')
  }

  /** Runs `ip` there; its words need no quotes. */
  ip(words: string): string {
    return runSync(['ip', '-n', this.namespace.name, ...words.split(' ')])
  }

  bridge(words: string): string {
    return runSync(['bridge', '-n', this.namespace.name, ...words.split(' ')])
  }

  run(...argv: string[]): string {
    return runSync(inside(this.namespace.netns, argv))
  }

  /** What is there on flannel's devices and by way of the underlay, in the words of iproute2. */
  state(): string[] {
    const lines = (text: string) => text.split('\n').map((line) => line.trim().replace(/\s+/g, ' '))
    const ours = [device, deviceV6].filter((name) => this.ip('-br link').includes(`${name} `))
    const routes = ['-4', '-6'].flatMap((of) => lines(this.ip(`${of} route`)))
    return [
      ...routes
        .filter((line) => / via /.test(line) || /^(blackhole|unreachable|multicast)/.test(line))
        .map((line) => line.replace(/ metric 1024\b/, '').replace(/ pref medium/, '')),
      ...ours.flatMap((name) => [
        ...lines(this.ip(`neigh show dev ${name} nud permanent`)).map((line) => `neigh ${line}`),
        ...lines(this.bridge(`fdb show dev ${name}`)).map((line) => `fdb ${line}`),
        ...lines(this.ip(`-o address show dev ${name} scope global`)).map(
          (line) => `address ${line.split(' ')[3] ?? ''}`,
        ),
      ]),
    ]
      .filter((line) => !/^(?:neigh|fdb|address|)$/.test(line.trim()))
      .map((line) => line.trim())
      .sort()
  }

  subscribe(scope: Scope): Subscription {
    const subscription = this.netns.run(() => Subscription.open(...Object.values(groups)))
    scope.teardown(() => subscription[Symbol.dispose]())
    return subscription
  }
}

export interface ReconciledOptions {
  readonly type?: string
  readonly options?: Readonly<Record<string, unknown>>
  readonly site?: Site
  /** What the node needs beside what the backend says. */
  readonly entries?: readonly Entry[]
}

export class ReconciledNode {
  readonly machine: Machine
  readonly reconciler: Reconciler
  readonly backend: Backend
  readonly subscription: Subscription
  readonly #told: string[] = []
  #site: Site

  constructor(scope: Scope, machine: Machine, given: ReconciledOptions = {}) {
    const { type = 'vxlan', options = { VNI: vni }, site = siteOf(), entries = [] } = given
    this.machine = machine
    this.#site = site
    this.backend = backendOf({ type, options })
    this.subscription = machine.subscribe(scope)
    const connection = Connection.openIn(machine.netns)
    scope.teardown(() => connection[Symbol.dispose]())
    const tell = (kind: string) => (text: string) => void this.#told.push(`${kind}: ${text}`)
    const state = this.backend.nodeState(site)
    this.reconciler = new Reconciler({
      ...{ connection, subscription: this.subscription },
      node: { ...state, entries: [...state.entries, ...entries] },
      log: { info: tell('info'), warn: tell('warn'), error: tell('error'), debug: tell('debug') },
      observer: {
        repaired: tell('repaired'),
        applied: () => undefined,
        failed: tell('failed'),
        underlayChanged: () => tell('underlay')('changed'),
      },
    })
    scope.teardown(() => this.reconciler[Symbol.asyncDispose]())
  }

  peer(number: number, changes?: Partial<Lease['attributes']>): readonly Entry[] {
    return this.backend.peerState(this.#site, leaseOf(number, changes)).entries
  }

  setSite(site: Site): void {
    this.#site = site
    this.reconciler.setNode(this.backend.nodeState(site))
  }

  /** Has these nodes as peers and no others, and waits until that is done. */
  async set(...numbers: number[]): Promise<void> {
    this.reconciler.setPeers(new Map(numbers.map((number) => [`${number}`, this.peer(number)])))
    await this.reconciler.settled()
  }

  async put(number: number, changes?: Partial<Lease['attributes']>): Promise<void> {
    this.reconciler.putPeer(`${number}`, this.peer(number, changes))
    await this.reconciler.settled()
  }

  async remove(number: number): Promise<void> {
    this.reconciler.removePeer(`${number}`)
    await this.reconciler.settled()
  }

  /** What has been told since the last time, of these kinds. */
  told(...kinds: string[]): string[] {
    return this.#told.splice(0).filter((line) => kinds.some((kind) => line.startsWith(`${kind}:`)))
  }

  /** Waits until the kernel's news have been taken over, and what they make necessary is done. */
  async quiet(): Promise<void> {
    await setTimeout(400)
    await this.reconciler.settled()
  }
}
