/** What tcpdump sees on an interface while a test runs. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import type { Node, Scope } from '../../scripts/lab/node.ts'
import { inside, run } from '../../scripts/lab/run.ts'

export interface Capture {
  /** Ends the capture. */
  stop(): Promise<void>
  /**
   * What tcpdump prints of the captured packets that match a filter (pcap-filter(7)): a line for
   * each, and for VXLAN one more of the packet inside.
   */
  packets(filter: string): Promise<string[]>
}

/** Captures what passes an interface of the node, until it is stopped or the scope ends. */
export async function startCapture(scope: Scope, node: Node, ifName: string): Promise<Capture> {
  const file = join(node.dir, `${ifName}.pcap`)
  const [command = '', ...args] = inside(node.netns, [...record, '-i', ifName, '-w', file])
  const tcpdump = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(tcpdump, 'exit')
  scope.teardown(() => void tcpdump.kill())
  for await (const line of createInterface(tcpdump.stderr)) {
    if (line.includes('listening on')) break
  }
  return {
    async stop() {
      await untilQuiet(file)
      tcpdump.kill('SIGINT')
      await ended
    },
    async packets(filter) {
      const { code, stdout, stderr } = await run([...print, '-r', file, filter])
      if (code !== 0) throw new Error(`tcpdump ${filter}: ${stderr}`)
      return stdout.split('\n').filter((line) => line !== '')
    },
  }
}

/** Waits until the file has not grown for a moment: tcpdump ends without what it has not yet read. */
async function untilQuiet(file: string): Promise<void> {
  for (let size = -1; size !== statSync(file).size; await setTimeout(300))
    size = statSync(file).size
}

// Headers are enough. Unless told otherwise, tcpdump writes as a user who may not write here, and
// loses the packets of the last second.
const record = ['tcpdump', '-U', '-s', '160', '-B', '8192', '-Z', 'root', '--immediate-mode']
// Flannel's port is not the one that tcpdump knows as VXLAN's.
const print = ['tcpdump', '-n', '-t', '-T', 'vxlan', '-Z', 'root']
