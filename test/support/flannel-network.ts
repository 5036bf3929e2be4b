/** Networks of the flannel plugin on the node of a test. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binDir } from '../../scripts/lab/executables.ts'
import type { Node } from '../../scripts/lab/node.ts'
import { type Network, networkOf } from './network.ts'
import { callPlugin } from './plugin-call.ts'

/** The network `cbr0`, and what plugins keep of it. */
export interface FlannelNetwork extends Network {
  /** Replaces what flanneld wrote; undefined removes it. */
  writeSubnetEnv(text: string | undefined): void
  /** The saved configurations by the names of their files. */
  saved(): Record<string, string>
  /** Removes the saved configurations. */
  forget(): void
  /** The addresses that host-local has reserved. */
  reserved(): string[]
}

/** Makes `cbr0` with the configuration of Kubernetes clusters, and these keys. */
export function makeFlannelNetwork(
  node: Node,
  subnetEnv: string,
  conf: object = {},
): FlannelNetwork {
  const [subnetFile, dataDir, store] = ['subnet.env', 'flannel', 'networks'].map((name) =>
    join(node.dir, name),
  ) as [string, string, string]
  const base = {
    cniVersion: '1.1.0',
    name: 'cbr0',
    type: 'flannel',
    subnetFile,
    dataDir,
    delegate: { hairpinMode: true, isDefaultGateway: true },
    ipam: { dataDir: store },
    ...conf,
  }
  const network = networkOf((command, { containerId, netns }, keys = {}, rest = {}) =>
    callPlugin(node, 'flannel', {
      command,
      containerId,
      netns,
      ifName: 'eth0',
      path: binDir(),
      conf: { ...base, ...keys },
      ...rest,
    }),
  )
  const writeSubnetEnv = (text: string | undefined) => {
    if (text === undefined) rmSync(subnetFile)
    else writeFileSync(subnetFile, text)
  }
  writeSubnetEnv(subnetEnv)
  return {
    ...network,
    writeSubnetEnv,
    saved: () => Object.fromEntries(namesIn(dataDir).map((name) => [name, read(dataDir, name)])),
    forget: () => rmSync(dataDir, { recursive: true }),
    reserved: () => namesIn(join(store, 'cbr0')).filter((name) => /^[\da-f]+[.:]/.test(name)),
  }
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : []
}

function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8')
}
