/** A node with a subnet manager of etcd, and what it says. */
import { EtcdClient, type EtcdOptions } from '../../flanneld/subnet/etcd/client.ts'
import { EtcdSubnetManager } from '../../flanneld/subnet/etcd/manager.ts'
import type { LeaseChange } from '../../flanneld/subnet/manager.ts'
import type { LeaseAttributes } from '../../lib/flannel/lease.ts'
import { formatSubnetKey } from '../../lib/flannel/subnet-key.ts'
import type { Scope } from '../../scripts/lab/node.ts'
import { cidr, ip } from './address.ts'
import type { Etcd } from '../../scripts/lab/etcd.ts'

export const leases = '/net/subnets/'

/** The attributes of the node with this last number. */
export function attributesOf(number: number): LeaseAttributes {
  return {
    publicIp: ip(`192.0.2.${number}`),
    publicIpv6: undefined,
    backendType: 'vxlan',
    backendData: { VNI: 1, VtepMAC: `0e:00:00:00:00:${hex(number)}` },
    backendV6Data: undefined,
  }
}

/** Their text in etcd, written by hand as upstream's flanneld writes it. */
export function valueOf(number: number): string {
  const data = `{"VNI":1,"VtepMAC":"0e:00:00:00:00:${hex(number)}"}`
  return (
    `{"PublicIP":"192.0.2.${number}","PublicIPv6":null,"BackendType":"vxlan",` +
    `"BackendData":${data}}`
  )
}

function hex(number: number): string {
  return number.toString(16).padStart(2, '0')
}

/** A key as etcdctl has it. */
export interface StoredKey {
  readonly value: string
  /** In hexadecimal, as etcdctl takes it; undefined for none. */
  readonly lease: string | undefined
}

/** What etcdctl finds; undefined for nothing. */
export function stored(etcd: Etcd, key: string): StoredKey | undefined {
  const text = etcd.ctl('get', '--write-out=fields', key)
  if (!text.includes('"Key"')) return undefined
  const lease = /^"Lease" : (\d+)$/m.exec(text)?.[1] ?? '0'
  const value = etcd.ctl('get', '--print-value-only', key).slice(0, -1)
  return { value, lease: lease === '0' ? undefined : BigInt(lease).toString(16) }
}

/** The names of all leases that etcdctl finds. */
export function leaseNames(etcd: Etcd): string[] {
  const text = etcd.ctl('get', '--prefix', '--keys-only', leases)
  return text.split('\n').flatMap((key) => (key === '' ? [] : [key.slice(leases.length)]))
}

export class EtcdNode {
  readonly number: number
  readonly manager: EtcdSubnetManager
  readonly #log: string[] = []
  readonly #errors: string[] = []
  #reconnects = 0

  constructor(scope: Scope, number: number, etcd: readonly string[] | EtcdOptions, margin = 60) {
    const client = new EtcdClient('endpoints' in etcd ? etcd : { endpoints: etcd })
    scope.teardown(() => client[Symbol.dispose]())
    const write = (message: string) => void this.#log.push(message)
    this.number = number
    this.manager = new EtcdSubnetManager({
      client,
      prefix: '/net',
      renewMarginMinutes: margin,
      log: { info: write, warn: write, error: write, debug: write },
      hooks: {
        onReconnect: () => this.#reconnects++,
        onError: (operation) => this.#errors.push(operation),
      },
    })
  }

  /** The lines of its log so far. */
  get log(): readonly string[] {
    return this.#log
  }

  /** The operations that failed so far. */
  get errors(): readonly string[] {
    return this.#errors
  }

  get reconnects(): number {
    return this.#reconnects
  }

  /** Acquires a lease as the agent does; returns its name. */
  async acquire(...previous: string[]): Promise<string> {
    const { signal } = new AbortController()
    const conf = await this.manager.networkConf(signal)
    const demand = { conf, attributes: attributesOf(this.number), previous: previous.map(cidr) }
    return formatSubnetKey((await this.manager.acquire(demand, signal)).subnets)
  }

  /** Keeps the lease until the scope ends. The result is how it ended. */
  keep(scope: Scope): Promise<unknown> {
    const end = new AbortController()
    const kept = this.manager.keep(end.signal).then(
      () => undefined,
      (error: unknown) => error,
    )
    scope.teardown(async () => {
      end.abort()
      await kept
    })
    return kept
  }

  /** The changes of leases, as text, in a list that grows until the scope ends. */
  watch(scope: Scope): readonly string[] {
    const end = new AbortController()
    const seen: string[] = []
    const read = async () => {
      for await (const change of this.manager.watch(end.signal)) seen.push(describe(change))
    }
    const ended = read()
    scope.teardown(async () => {
      end.abort()
      await ended
    })
    return seen
  }
}

function describe(change: LeaseChange): string {
  if (change.kind === 'all') {
    const names = [...change.leases.keys()].map((key) => key.slice(leases.length))
    return `all ${names.toSorted().join(' ')}`.trim()
  }
  const name = change.key.slice(leases.length)
  if (change.kind === 'removed') return `removed ${name}`
  const { publicIp } = change.lease.attributes
  return `put ${name} ${publicIp?.toString() ?? 'nobody'}`
}
