/** Calls host-local executables, ours and Go's alike. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run, type RunOptions } from '../../../scripts/lab/run.ts'
import type { Output } from '../../support/plugin-call.ts'

const source = join(import.meta.dirname, 'process.ts')

/** The command line of each implementation. */
export const ours: readonly string[] = [process.execPath, '--no-warnings', source]
export const theirs: readonly string[] = ['/usr/lib/cni/host-local']

/** Why the tests against Go's host-local cannot run here, or false when they can. */
export const skipTheirs =
  !existsSync('/usr/lib/cni/host-local') &&
  'Go’s host-local is not installed: apt-get install containernetworking-plugins'

/** Runs one command of the container's eth0 and returns what was printed; empty for nothing. */
export async function call(
  argv: readonly string[],
  command: string,
  containerId: string,
  conf: object,
  env: Readonly<Record<string, string>> = {},
): Promise<Output> {
  const options = callOptions(command, containerId, conf, env)
  const { stdout, stderr, code } = await run(argv, options)
  if (stderr !== '') throw new Error(`${argv.join(' ')} ${command} wrote to stderr: ${stderr}`)
  if (code !== 0 && stdout === '') throw new Error(`${argv.join(' ')} ${command}: exit ${code}`)
  return stdout === '' ? {} : (JSON.parse(stdout) as Output) // asserted on by the tests
}

/** stdin and the environment of such a call. */
export function callOptions(
  command: string,
  containerId: string,
  conf: object,
  env: Readonly<Record<string, string>> = {},
): RunOptions {
  const variables = {
    PATH: process.env['PATH'],
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: '/run/netns/none',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/nonexistent',
    ...env,
  }
  return { stdin: JSON.stringify(conf), env: variables }
}

/** The addresses of a result; throws with the error when it is one. */
export function addressesOf(output: Output): string[] {
  if (output.ips === undefined) throw new Error(JSON.stringify(output))
  return output.ips.map(({ address }) => address)
}
