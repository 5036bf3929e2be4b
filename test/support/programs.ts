/** Programs that the plugins under test use, hidden from them or watched. */
import { existsSync, readFileSync, realpathSync } from 'node:fs'

const script = `while [ "$1" != -- ]; do mount --bind "$1" "$2" && shift 2 || exit; done
shift
exec "$@"`

/**
 * The command line that runs `argv` where these files stand in the place of others: a program's
 * path by the path of what is to be found there.
 */
export function replacing(files: Readonly<Record<string, string>>, argv: readonly string[]) {
  const mounts = Object.entries(files).flatMap(([path, other]) => [other, realpathSync(path)])
  return ['unshare', '--mount', '--', 'sh', '-c', script, 'sh', ...mounts, '--', ...argv]
}

/** The same with programs that are not there; the kernel does not execute a device. */
export function hiding(paths: readonly string[], argv: readonly string[]): string[] {
  return replacing(Object.fromEntries(paths.map((path) => [path, '/dev/null'])), argv)
}

/** The command line that runs `argv` and writes to `file` which programs are started. */
export function watching(file: string, argv: readonly string[]): string[] {
  return ['strace', '-f', '-qq', '-e', 'trace=execve', '-e', 'signal=none', '-o', file, ...argv]
}

/** How many processes started a program; one that starts others in its own place counts once. */
export function processes(file: string): number {
  const lines = readFileSync(file, 'utf8').matchAll(/^(\d+) +execve\(.* = 0$/gm)
  return new Set([...lines].map(([, pid]) => pid)).size
}

/** The programs that were started, in their order; not `cni`, which takes the place of a front. */
export function started(file: string): string[] {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const paths = [...text.matchAll(/execve\("([^"]+)".* = 0$/gm)].map(([, path = '']) => path)
  return paths.filter((path) => !path.endsWith('/cni'))
}
