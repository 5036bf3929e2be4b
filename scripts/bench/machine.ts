/** The machine that figures come from, and the versions of what is compared. */
import { spawnSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

/** What there is to know of it, by names for a person. */
export type Machine = Readonly<Record<string, string>>

export function thisMachine(): Machine {
  const load = loadavg()[0] ?? NaN
  const isBusy = load > cpus().length / 4
  const query = ['dpkg-query', '--show', '--showformat=${Version}']
  return {
    machine: `${cpus().length} cores of ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `${release()}, ${output('iptables', '--version')}`,
    'Go plugins': `Debian's ${output(...query, 'containernetworking-plugins')}`,
    'this build': `${output('git', '-C', import.meta.dirname, 'describe', '--always', '--dirty')}, Node ${process.version}`,
    'load before': `${load.toFixed(2)}${isBusy ? ', which is not quiet: do not rely on these figures' : ''}`,
  }
}

function output(program = '', ...args: string[]): string {
  const { stdout, status } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : 'unknown'
}
