/** The path of one packet: what tcpdump captures of it at each hop, against what `ip` says of the devices. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { Namespace } from '../lab/node.ts'
import { inside, runSync } from '../lab/run.ts'

/** A device that the packet passes. */
export interface Device {
  /** As the story calls it, e.g. `cni0 of node one`. */
  readonly label: string
  readonly name: string
  readonly netns: Namespace['netns']
}

/** A header that the packet is to have: from a device and address to others. */
export interface Header {
  readonly from: Device
  readonly to: Device
  /** An address, with `.` and the port behind it as tcpdump writes it; any port, where there is none. */
  readonly source: string
  readonly target: string
}

export interface Hop {
  readonly at: Device
  /** From the outside inwards. */
  readonly headers: readonly Header[]
}

/** A header as tcpdump prints it. */
interface Seen {
  readonly macs: string
  /** Of the frame, in bytes. */
  readonly length: string
  readonly source: string
  readonly target: string
  readonly rest: string
}

/** Of the packet itself, and of it inside the one that carries it. */
const filter = 'icmp[icmptype] = icmp-echo or (udp dst port 8472 and udp[39] = 1)'
// Flannel's port is not the one that tcpdump knows as VXLAN's.
const tcpdump = ['tcpdump', '-n', '-e', '-t', '-l', '-T', 'vxlan', '--immediate-mode', '-c', '1']

/**
 * Captures the first ping that `send` sends, at each hop; returns the hops as a drawing. Rejects when
 * a header is not what it is to be.
 */
export async function follow(hops: readonly Hop[], send: () => Promise<void>): Promise<string> {
  const end = new AbortController()
  try {
    const captures = await Promise.all(hops.map(({ at }) => capture(at, end.signal)))
    await send()
    const seen = await Promise.all(captures.map((packet) => packet()))
    return hops.map((hop, index) => describe(hop, seen[index] ?? [])).join('\n   │\n')
  } finally {
    end.abort()
  }
}

/** Begins to capture at a device; the result resolves with the headers of the first packet. */
async function capture(
  { netns, name }: Device,
  end: AbortSignal,
): Promise<() => Promise<readonly Seen[]>> {
  const [program = '', ...args] = inside(netns, ['timeout', '20', ...tcpdump, '-i', name, filter])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  end.addEventListener('abort', () => child.kill())
  const packet = text(child.stdout).then((lines) => lines.trim().split('\n').map(parse))
  for await (const line of createInterface(child.stderr)) {
    if (line.includes('listening on')) return () => packet
  }
  await once(child, 'exit')
  throw new Error(`tcpdump -i ${name} does not listen`)
}

function parse(line: string): Seen {
  const pattern = /^(\S+ > \S+), ethertype IPv4 \(0x0800\), length (\d+): (\S+) > (\S+): (.*)$/
  const [, macs = '', length = '', source = '', target = '', rest = ''] =
    pattern.exec(line.trim()) ?? []
  return { macs, length, source, target, rest }
}

function describe({ at, headers }: Hop, seen: readonly Seen[]): string {
  const lines = headers.flatMap((header, depth) => {
    const found = seen[depth]
    if (found === undefined || !isAsWanted(header, found)) {
      throw new Error(`at ${at.label}: ${JSON.stringify(seen)}, expected ${JSON.stringify(header)}`)
    }
    const { macs, length, source, target, rest } = found
    const [what = ''] = rest.split(', id')
    return [
      `${depth === 0 ? '' : 'in it: '}${header.from.label} → ${header.to.label}, ${length} bytes`,
      `  ${macs.replace('>', '→')}`,
      `  ${source} → ${target}  ${what}`,
    ]
  })
  const [first = '', ...others] = lines
  return [at.label.padEnd(22) + first, ...others.map((line) => `   │`.padEnd(22) + line)].join('\n')
}

function isAsWanted({ from, to, source, target }: Header, seen: Seen): boolean {
  const isAt = (found: string, wanted: string) => found === wanted || found.startsWith(`${wanted}.`)
  const macs = `${macOf(from)} > ${macOf(to)}`
  return seen.macs === macs && isAt(seen.source, source) && isAt(seen.target, target)
}

/** What `ip` says. */
export function macOf({ netns, name }: Device): string {
  const [link] = JSON.parse(runSync(inside(netns, ['ip', '-j', 'link', 'show', name])))
  return link.address
}
