/** Tries executables of a platform before they are published. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../lib/base/version.ts'
import { supportedVersions } from '../../lib/cni/versions.ts'
import { output } from './command.ts'
import type { Platform } from './platform.ts'

const names = ['flannel', 'bridge', 'host-local', 'portmap', 'loopback']

const conf = {
  name: 'trial',
  cniVersion: '1.0.0',
  type: 'bridge',
  bridge: 'cni0',
  isDefaultGateway: true,
  ipam: { type: 'host-local', subnet: '192.0.2.0/24' },
}

/**
 * One pod's network, from ADD to DEL, in namespaces with state of their own: ping and ip say whether
 * it is there. `$1` is the folder of the executables, `$2` the configuration.
 */
const pod = `
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
ip link set lo up
ip netns add pod
export CNI_CONTAINERID=trial CNI_NETNS=/run/netns/pod CNI_IFNAME=eth0 CNI_PATH="$1"
CNI_COMMAND=ADD "$1/bridge" < "$2"
ping -c 1 -W 5 192.0.2.2
CNI_COMMAND=DEL "$1/bridge" < "$2"
test "$(ip -n pod -o link | wc -l)" = 1
test ! -e /var/lib/cni/networks/trial/192.0.2.2
`

/**
 * Throws unless each plugin in the folder answers VERSION, flanneld tells its version, and bridge
 * gives a pod its network.
 */
export function tryExecutables(platform: Platform, bin: string): void {
  for (const name of names) {
    const words = platform.command([join(bin, name)])
    const answer = output(words, { PATH: process.env['PATH'], CNI_COMMAND: 'VERSION' })
    const found = JSON.stringify(JSON.parse(answer).supportedVersions)
    if (found !== JSON.stringify(supportedVersions)) throw new Error(`${name} answers ${answer}`)
  }
  const agent = output(platform.command(['sh', '-c', '"$0" --version 2>&1', join(bin, 'flanneld')]))
  if (agent !== version) throw new Error(`flanneld says that its version is ${agent}`)
  const file = join(bin, '../trial.json')
  writeFileSync(file, JSON.stringify(conf))
  output(platform.command(['unshare', '--net', '--mount', 'sh', '-c', pod, 'sh', bin, file]))
  rmSync(file)
  console.log(`${platform.name}: all answer VERSION, and a pod got its network`)
}
