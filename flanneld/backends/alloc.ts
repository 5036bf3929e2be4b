/** alloc: the node has a lease, and somebody else makes the way to it, such as a cloud's router. */
import type { Backend } from './backend.ts'

export const allocBackend: Backend = {
  type: '',
  devices: () => [],
  attributes: () => ({ backendType: '', backendData: undefined, backendV6Data: undefined }),
  macs: () => ({}),
  podMtu: ({ underlay }) => underlay.mtu,
  nodeState: ({ underlay }) => ({
    devices: [],
    underlay: underlay.name,
    entries: [],
    owns: () => false,
  }),
  peerState: () => ({ entries: [], problems: [] }),
}
