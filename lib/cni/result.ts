/** The result of an ADD, in one shape for all versions of the specification. */
import type { Cidr, Ip } from '../ip/ip.ts'

/** An interface that the attachment made or uses. */
export interface Interface {
  readonly name: string
  readonly mac?: string
  /** In bytes; 1.1.0. */
  readonly mtu?: number
  /** The path of the network namespace; absent for an interface of the host. */
  readonly sandbox?: string
  readonly socketPath?: string
  readonly pciId?: string
}

/** An address of the attachment. */
export interface IpConfig {
  readonly address: Cidr
  readonly gateway?: Ip
  /** The index of its interface in `interfaces`. */
  readonly interface?: number
}

/** A route of the sandbox. */
export interface Route {
  /** Absent when the configuration gave none. */
  readonly dst?: Cidr
  readonly gw?: Ip
  /** In bytes. */
  readonly mtu?: number
  /** In bytes. */
  readonly advmss?: number
  readonly priority?: number
  readonly table?: number
  readonly scope?: number
}

export interface Dns {
  readonly nameservers?: readonly string[]
  readonly domain?: string
  readonly search?: readonly string[]
  readonly options?: readonly string[]
}

export interface Result {
  readonly interfaces: readonly Interface[]
  readonly ips: readonly IpConfig[]
  readonly routes: readonly Route[]
  readonly dns: Dns
}

/** A result without anything in it. */
export const emptyResult: Result = { interfaces: [], ips: [], routes: [], dns: {} }
