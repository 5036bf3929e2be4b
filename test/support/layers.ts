/** The layers of the product: each knows those below it only, and nothing of its own rank. */

/** From the lowest up. Folders of one rank do not know each other. */
const ranks: readonly (readonly string[])[] = [
  ['lib/base'],
  ['lib/linux'],
  ['lib/ip'],
  ['lib/netlink'],
  ['lib/net'],
  ['lib/firewall'],
  ['lib/flannel'],
  ['lib/cni'],
  ['lib/libcni'],
  // A plugin is a folder, and the node agent and the resident server are like one.
  ['plugins/*', 'ipam/*', 'flanneld', 'resident'],
  ['plugins'],
  ['commands'],
]

interface Layer {
  readonly folder: string
  readonly rank: number
}

/** The layer that a file is in; undefined for what is none of the product's code. */
function layerOf(path: string): Layer | undefined {
  for (const [rank, patterns] of ranks.entries()) {
    for (const pattern of patterns) {
      const folder = new RegExp(`^${pattern.replace('*', '[^/]+')}(?=/)`).exec(path)?.[0]
      if (folder !== undefined) return { folder, rank }
    }
  }
  return undefined
}

/** Whether the file at `path` may import the module, a path from the root. */
export function mayImport(path: string, module: string): boolean {
  const from = layerOf(path)
  if (from === undefined) return true
  if (/^(?:test|scripts)\//.test(module)) return false
  const to = layerOf(module)
  return to === undefined || to.rank < from.rank || to.folder === from.folder
}
