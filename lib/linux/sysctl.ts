/** Kernel parameters of the calling thread's network namespace (proc_sys(5), ip-sysctl.rst). */
import { readFileSync, writeFileSync } from 'node:fs'
import { stage } from '../base/stage.ts'

/**
 * The name of an interface's own parameter, e.g. `net/ipv4/conf/eth0/arp_notify`. Throws a
 * `RangeError` for an interface name that is not one file name.
 */
export function interfaceSysctl(family: 'ipv4' | 'ipv6', ifName: string, key: string): string {
  if (ifName.includes('/')) {
    throw new RangeError(`interface name ${JSON.stringify(ifName)} must not contain a slash`)
  }
  return `net/${family}/conf/${ifName}/${key}`
}

/** The value of a parameter named with slashes, e.g. `net/ipv4/ip_forward`. */
export function readSysctl(name: string): string {
  const path = pathOf(name)
  return stage(`reading sysctl ${name}`, () => read(path))
}

/** Sets a parameter named with slashes, unless it has that value already. */
export function writeSysctl(name: string, value: string): void {
  const path = pathOf(name)
  stage(`setting sysctl ${name} to ${value}`, () => {
    if (read(path) !== value) writeFileSync(path, value, { flag: 'r+' })
  })
}

function read(path: string): string {
  return readFileSync(path, 'utf8').trim()
}

function pathOf(name: string): string {
  if (name.split('/').some((part) => ['', '.', '..'].includes(part))) {
    throw new RangeError(`kernel parameter ${JSON.stringify(name)} must be names between slashes`)
  }
  return `/proc/sys/${name}`
}
