/** What the Go library libcni (commit 3f51e88) read, sent and kept for one ADD of a chain. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RuntimeAttachment } from '../../lib/cni/attachment.ts'
import { decodeResult } from '../../lib/cni/result-decode.ts'

const folder = join(import.meta.dirname, '../fixtures/libcni')
const read = (name: string) => readFileSync(join(folder, name), 'utf8')

/** The configuration list: flannel, then portmap. */
export const conflist = read('10-flannel.conflist')
/** The stdin of each plugin. */
export const addStdin = { flannel: read('flannel-add.stdin'), portmap: read('portmap-add.stdin') }
/** The name of the cache file, and what stood in it. */
export const cacheFile = 'cbr0-cnitool-82e215debf7df4651d36-eth0'
export const cacheText = read(cacheFile)

export const attachment: RuntimeAttachment = {
  network: 'cbr0',
  containerId: 'cnitool-82e215debf7df4651d36',
  netns: '/run/netns/web',
  ifName: 'eth0',
  args: [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAME', 'web'],
  ],
  capabilityArgs: {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    'io.kubernetes.cri.pod-annotations': { note: 'a<b & c' },
  },
}

/** What both plugins answered. */
export const { result } = decodeResult(JSON.parse(cacheText).result, '1.0.0')
