import { basename, dirname } from 'node:path'
import { run } from './command.ts'

/**
 * Makes a compressed archive of a folder beside it, and returns its name: the same bytes for the
 * same files. `time` is given to all of them, in seconds since the epoch.
 */
export function archive(folder: string, time: string): string {
  const name = basename(folder)
  const cwd = dirname(folder)
  run(
    [
      ...['tar', '--create', `--file=${name}.tar`, '--format=gnu', '--sort=name'],
      ...['--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX', `--mtime=@${time}`],
      name,
    ],
    { cwd },
  )
  run(['gzip', '--no-name', '--best', '--force', `${name}.tar`], { cwd })
  return `${name}.tar.gz`
}
