import type { Namespace } from '../../scripts/lab/node.ts'
import { inside, type Outcome, run } from '../../scripts/lab/run.ts'

/**
 * Pings once, with a packet of `length` bytes, IP header and all, that nobody may fragment. Exit
 * code 0 means that it was answered within a second.
 */
export async function pingUnfragmented(
  { netns }: Namespace,
  address: string,
  length: number,
): Promise<Outcome> {
  const headers = address.includes(':') ? 48 : 28
  const options = ['-n', '-c', '1', '-W', '1', '-M', 'do', '-s', `${length - headers}`]
  return run(inside(netns, ['ping', ...options, address]))
}
