/** The flannel plugin with a delegate that records, and its files in a temporary folder. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PluginCommand } from '../../lib/cni/plugin.ts'
import type { Result } from '../../lib/cni/result.ts'
import { flannel } from '../../plugins/flannel/index.ts'
import { RecordingDelegate } from './recording-delegate.ts'
import { contextOf, requestOf, type RequestParts } from './request.ts'

/** What flanneld writes on a node of a Kubernetes cluster. */
export const subnetEnv =
  'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n' +
  'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'

/** What the delegate gets of `conf` below and this subnet.env. */
export const delegateConf =
  '{"cniVersion":"1.1.0","hairpinMode":true,"ipMasq":false,' +
  '"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}],' +
  '"type":"host-local"},"isGateway":true,"mtu":1450,"name":"cbr0","type":"bridge"}'

/** A place for the files of a test; tap's `t` is one. */
export interface Folder {
  testdir(): string
}

/** The plugin in a folder of its own. */
export class FlannelFixture {
  readonly delegate = new RecordingDelegate()
  /** A minute later than the files: a GC leaves alone what was written behind it. */
  readonly context = contextOf({ delegate: this.delegate, now: () => Date.now() + 60_000 })
  readonly subnetFile: string
  readonly dataDir: string

  constructor(t: Folder) {
    const dir = t.testdir()
    this.subnetFile = join(dir, 'subnet.env')
    this.dataDir = join(dir, 'flannel')
    writeFileSync(this.subnetFile, subnetEnv)
  }

  /** The configuration of the network `cbr0`. */
  get conf(): object {
    const { subnetFile, dataDir } = this
    return { name: 'cbr0', type: 'flannel', subnetFile, dataDir, delegate: { hairpinMode: true } }
  }

  #request(command: PluginCommand, { conf, ...rest }: RequestParts) {
    return requestOf({ command, ...rest, conf: { ...this.conf, ...conf } })
  }

  add(parts: RequestParts = {}): Result {
    return flannel.add(this.#request('ADD', parts), this.context)
  }

  /** Runs a command that has no result. */
  run(command: Exclude<PluginCommand, 'ADD' | 'VERSION'>, parts: RequestParts = {}): void {
    const { del, check, status, gc } = flannel
    const serve = { DEL: del, CHECK: check, STATUS: status, GC: gc }[command]
    serve?.(this.#request(command, parts), this.context)
  }

  /** The saved configurations by the names of their files. */
  saved(): Record<string, string> {
    if (!existsSync(this.dataDir)) return {}
    const names = readdirSync(this.dataDir).sort()
    return Object.fromEntries(
      names.map((name) => [name, readFileSync(join(this.dataDir, name), 'utf8')]),
    )
  }

  /** Writes what is found for the container c1 instead of what was saved. */
  spoil(text: string): void {
    writeFileSync(join(this.dataDir, 'c1'), text)
  }
}
