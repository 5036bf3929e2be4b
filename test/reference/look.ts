/** What there is to see in network namespaces, in the words of iproute2, nft, iptables and sysctl. */
import { setTimeout } from 'node:timers/promises'
import { run } from '../../scripts/lab/run.ts'
import type { Address, Link } from '../support/ip.ts'
import type { Place } from './places.ts'

/** A link with its addresses as `ip -d -j address` prints it. */
export interface ShownLink extends Link {
  readonly addr_info: readonly Address[]
}

export type ShownRoute = Readonly<Record<string, unknown>> & {
  readonly type: string
  readonly dst: string
  readonly table: string
  readonly dev?: string
  readonly gateway?: string
  readonly metric?: number
}

/** Everything that is seen of a namespace. */
export interface Look {
  readonly links: readonly ShownLink[]
  /** Of every table and family. */
  readonly routes: readonly ShownRoute[]
  /** `bridge -d -j link`. */
  readonly ports: readonly (Readonly<Record<string, unknown>> & { readonly ifname: string })[]
  /** Values by their paths under /proc/sys/net. */
  readonly sysctls: Readonly<Record<string, string>>
  /** `nft -j list ruleset`. */
  readonly nft: readonly Readonly<Record<string, unknown>>[]
  /** Lines of `iptables-save -t nat`. */
  readonly iptables: readonly string[]
  readonly ip6tables: readonly string[]
}

/** The parameters that plugins set, and those that the kernel changes with them. */
const parameters = [
  'ipv4/ip_forward',
  ...['forwarding', 'accept_redirects', 'arp_notify', 'route_localnet'].map(
    (name) => `ipv4/conf/*/${name}`,
  ),
  ...['forwarding', 'accept_ra', 'accept_dad', 'enhanced_dad', 'disable_ipv6'].map(
    (name) => `ipv6/conf/*/${name}`,
  ),
  ...['keep_addr_on_down', 'addr_gen_mode', 'dad_transmits'].map((name) => `ipv6/conf/*/${name}`),
]

// One shell for all, and few programs: most of what a look costs is starting them.
const lookAtNetns = `
echo @links; printf '%s\\n' 'address show' 'route show table all' | ip -j -d -batch -
cd /proc/sys/net
echo @sysctls; grep -s '' $sysctls`
// Plugins put rules, and bridges, on the node alone.
const lookAtNode = `${lookAtNetns}
echo @ports; bridge -j -d link
echo @nft; rules=$(nft -j list ruleset); echo "$rules"
case $rules in *'"table"'*) ;; *) exit 0;; esac
echo @iptables; iptables-save -t nat
echo @ip6tables; ip6tables-save -t nat`
const lookAtAll = `look=$lookAtNode
for netns in "$@"; do
  echo "@@"; [ ! -e "$netns" ] || nsenter --net="$netns" -- sh -c "$look"
  look=$lookAtNetns
done`

const attempts = 20
const pauseMs = 30

/**
 * Looks at the namespaces of a node and its pods, once the kernel has done by itself what follows
 * from what it was told; one that is gone is undefined.
 */
export async function lookAt(places: readonly Place[]): Promise<(Look | undefined)[]> {
  for (let attempt = 1; ; attempt++) {
    const looks = await lookOnce(places)
    if (attempt === attempts || looks.every((look) => look === undefined || isSettled(look))) {
      return looks
    }
    await setTimeout(pauseMs)
  }
}

async function lookOnce(places: readonly Place[]): Promise<(Look | undefined)[]> {
  const paths = places.map(({ netns }) => netns)
  const env = { ...process.env, lookAtNode, lookAtNetns, sysctls: parameters.join(' ') }
  const { code, stdout, stderr } = await run(['sh', '-c', lookAtAll, 'sh', ...paths], { env })
  const parts = stdout.split('@@\n').slice(1)
  if (parts.length !== paths.length) throw new Error(`${paths}: exit status ${code}: ${stderr}`)
  return parts.map((part) => (part === '' ? undefined : parse(part)))
}

function parse(text: string): Look {
  const sections = new Map(
    text
      .split(/^@/m)
      .slice(1)
      .map((section) => {
        const end = section.indexOf('\n')
        return [section.slice(0, end), section.slice(end + 1).trim()]
      }),
  )
  const lines = (name: string) => sections.get(name)?.split('\n') ?? []
  const json = (text: string | undefined) => JSON.parse(text || '[]') // each tool's own format
  const [links, routes] = lines('links')
  if (!links || sections.get('nft') === '') throw new Error(`nothing to see: ${text}`)
  return {
    links: json(links),
    routes: json(routes),
    ports: json(sections.get('ports')),
    sysctls: Object.fromEntries(lines('sysctls').map((line) => line.split(':', 2))),
    nft: json(sections.get('nft')).nftables ?? [],
    iptables: lines('iptables'),
    ip6tables: lines('ip6tables'),
  }
}

/**
 * Whether every link that works has its link-local address, and no address is being checked for
 * duplicates any more, but for link-local ones where that takes a second.
 */
function isSettled({ links, sysctls }: Look): boolean {
  const parameter = (name: string, link: ShownLink) => sysctls[`ipv6/conf/${link.ifname}/${name}`]
  return links.filter(isWorking).every((link) => {
    const { addr_info } = link
    const detects = parameter('accept_dad', link) !== '0'
    return (
      (parameter('disable_ipv6', link) !== '0' || addr_info.some(isLinkLocal)) &&
      !addr_info.some((each) => each.tentative && !(detects && isLinkLocal(each)))
    )
  })
}

function isWorking({ ifname, flags }: ShownLink): boolean {
  return ifname !== 'lo' && flags.includes('UP') && flags.includes('LOWER_UP')
}

/** Whether an address is one that the kernel makes itself. */
export function isLinkLocal({ local }: Address): boolean {
  return local.startsWith('fe80:')
}
