/** The table of `cni ps`: pure. */
import { podOf, shortId } from '../node/pod.ts'
import { addressesOf, type HostPort, hostPortsOf, type Row } from './row.ts'

const columns: Readonly<Record<string, (row: Row, now: number) => string>> = {
  POD: podText,
  CONTAINER: ({ containerId }) => shortId(containerId),
  NETWORK: ({ network }) => network,
  INTERFACE: ({ ifName }) => ifName,
  NETNS: ({ netns }) => netns.replace(/^(?:\/var)?\/run\/netns\//, ''),
  'HOST VETH': ({ port }) => port?.name ?? '',
  ADDRESSES: (row) => addressesOf(row).join(','),
  'HOST PORTS': (row) => hostPortsOf(row).map(formatPort).join(','),
  AGE: ({ since }, now) => (since === undefined ? '' : formatAge(now - since)),
  STATE: ({ problem }) => (problem === '' ? 'ok' : problem),
}

/** One line for each attachment under a line of titles; `-` stands for what is not known. */
export function formatTable(rows: readonly Row[], now: number): string {
  const titles = Object.keys(columns)
  const lines = rows.map((row) =>
    Object.values(columns).map((cell) => plain(cell(row, now)) || '-'),
  )
  const widths = titles.map((title, index) =>
    Math.max(title.length, ...lines.map((line) => line[index]?.length ?? 0)),
  )
  return [titles, ...lines]
    .map((line) => line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** Files on disk may hold anything, and a terminal obeys control characters. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?')
}

function podText(row: Row): string {
  const pod = podOf(row)
  return pod === undefined ? '' : `${pod.namespace}/${pod.name}`
}

function formatPort({ hostIP, hostPort, containerPort, protocol }: HostPort): string {
  const address = hostIP.includes(':') ? `[${hostIP}]` : hostIP
  return `${address === '' ? '' : `${address}:`}${hostPort}->${containerPort}/${protocol}`
}

/** A time in milliseconds in its largest unit, as kubectl shows ages. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 120 * 60) return `${Math.floor(seconds / 60)}m`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86400)}d`
}
