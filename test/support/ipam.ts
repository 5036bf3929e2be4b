/** IPAM for the networks of a test: host-local with its state on the node, and plugins made up. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Node } from '../../scripts/lab/node.ts'

/** The `ipam` key for host-local with these subnets, each a range set. */
export function hostLocal({ dir }: Node, ...subnets: string[]): object {
  const ranges = subnets.map((subnet) => [{ subnet }])
  return { type: 'host-local', dataDir: join(dir, 'networks'), ranges }
}

/** The addresses of `net1` that host-local has reserved. */
export function reserved({ dir }: Node): string[] {
  const folder = join(dir, 'networks/net1')
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^[\da-f]+[.:]/.test(name)) : []
}

/** The folder of a node's IPAM plugins that are made up. */
export function fakeIpamDir({ dir }: Node): string {
  return join(dir, 'bin')
}

/**
 * The `ipam` key for a plugin that answers every ADD with this result, or with this error when it
 * has a `code`; other commands succeed.
 */
export function fakeIpam(node: Node, answer: object): object {
  const folder = fakeIpamDir(node)
  mkdirSync(folder, { recursive: true })
  const reply = 'code' in answer ? answer : { cniVersion: '1.0.0', ...answer }
  writeFileSync(join(folder, 'answer'), JSON.stringify(reply))
  writeFileSync(join(folder, 'fake'), script)
  chmodSync(join(folder, 'fake'), 0o755)
  return { type: 'fake' }
}

const script = `#!/bin/sh
folder=$(dirname "$0")
echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME" >> "$folder/calls"
cat > "$folder/stdin.$CNI_COMMAND"
[ "$CNI_COMMAND" = ADD ] || exit 0
cat "$folder/answer"
! grep -q '"code"' "$folder/answer"
`

/** The commands that the made-up plugin has been called with since the last time. */
export function fakeIpamCalls(node: Node): string[] {
  const file = join(fakeIpamDir(node), 'calls')
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  writeFileSync(file, '')
  return lines.filter((line) => line !== '').map((line) => line.replace(/ .*/, ''))
}

/** The configuration that the made-up plugin was given with a command, byte for byte. */
export function fakeIpamStdin(node: Node, command: string): string {
  return readFileSync(join(fakeIpamDir(node), `stdin.${command}`), 'utf8')
}
