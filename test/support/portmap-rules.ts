/** The rules of a node, as nft and iptables-save show them, and the records of portmap. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Pod } from '../../scripts/lab/node.ts'
import type { PortmapNode } from './portmap.ts'

/** Every rule, without counters and without lines that hold the time. */
export function rulesOf({ run }: PortmapNode): string {
  return ['iptables-save', 'ip6tables-save']
    .map((save) => run(save, '-t', 'nat'))
    .concat(run('nft', 'list', 'ruleset').replaceAll(/counter packets \d+ bytes \d+ /g, ''))
    .join('')
    .replaceAll(/^#.*\n/gm, '')
}

/** The rules that name a container, or lead to one. */
export function tracesOf(node: PortmapNode, { containerId }: Pod): string[] {
  return rulesOf(node)
    .split('\n')
    .filter((line) => line.includes(containerId) || line.includes('CNI-DN-'))
}

/** The names of the records of attachments with host ports. */
export function recordsOf({ node }: PortmapNode): string[] {
  const folder = join(node.dir, 'portmap')
  return existsSync(folder) ? readdirSync(folder).filter((name) => name !== 'lock') : []
}
