/** The machine that figures come from, and the versions of what is compared. */
import { spawnSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** Of Debian's package of the Go plugins. */
  readonly goPlugins: string
  /** What is built here. */
  readonly commit: string
  readonly iptables: string
  /** Processes that ran or waited over the last minute, before the benchmark. */
  readonly load: number
}

export function thisMachine(): Machine {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    goPlugins: output(
      'dpkg-query',
      '--show',
      '--showformat=${Version}',
      'containernetworking-plugins',
    ),
    commit: output('git', '-C', import.meta.dirname, 'describe', '--always', '--dirty'),
    iptables: output('iptables', '--version'),
    load: loadavg()[0] ?? NaN,
  }
}

function output(program: string, ...args: string[]): string {
  const { stdout, status } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : 'unknown'
}
