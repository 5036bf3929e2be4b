/** What an attachment is made of, without what is random in it: to compare two of them. */
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Node, Pod } from '../../scripts/lab/node.ts'
import { globalCidrs, ports, routes } from './ip.ts'

/** The interfaces of the pod and the node, and every file that plugins and runtime keep but links. */
export function attachmentState(node: Node, pod: Pod) {
  const folder = join(node.dir, 'var/lib/cni')
  const paths = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
    : []
  const files = paths.filter((path) => !lstatSync(join(folder, path)).isSymbolicLink())
  return {
    addresses: globalCidrs(pod, 'eth0'),
    routes: routes(pod),
    ports: ports(node, 'cni0').length,
    files: files.map((path) => [path, ...describe(join(folder, path))]),
  }
}

/** The part of a runtime's cache file that needs care; libcni, its type cachedInfo. */
interface CacheEntry {
  readonly netns?: string
  readonly result: object
}

/** Mode and content; of a runtime's cache, the content as an object. */
function describe(path: string): unknown[] {
  const stat = statSync(path)
  const mode = (stat.mode & 0o777).toString(8)
  if (stat.isDirectory()) return [mode]
  const text = withoutRandom(readFileSync(path, 'utf8'))
  if (!path.includes('/results/')) return [mode, text]
  // Older releases of the library do not keep the path of the namespace.
  const { netns: _, result, ...entry } = JSON.parse(text) as CacheEntry
  return [mode, { ...entry, result: withoutEmptyDns(result) }]
}

/** The result that a command has printed; undefined when it printed none. */
export function printedResult(stdout: string): object | undefined {
  return stdout.startsWith('{') ? withoutEmptyDns(JSON.parse(withoutRandom(stdout))) : undefined
}

function withoutRandom(text: string): string {
  return text
    .replaceAll(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC')
    .replaceAll(/veth[0-9a-f]{8}/g, 'VETH')
    .replaceAll(/"netnsId":"\d+:\d+(?::\d+)?"/g, '"netnsId":"DEVICE:INODE"')
}

/** Older releases of the library print it, newer ones do not. */
function withoutEmptyDns({ dns = {}, ...result }: { readonly dns?: object }): object {
  return Object.keys(dns).length === 0 ? result : { ...result, dns }
}
