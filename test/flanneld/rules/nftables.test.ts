/** The rules by the real nft, which lists them; of both families. */
import t from 'tap'
import { keptNode, rulesSkip, specOf } from '../../support/node-rules.ts'

const skip = rulesSkip()

/** What `nft list table` prints. */
function tableText(word: string, version: 4 | 6, [network, subnet, groups]: readonly string[]) {
  return `table ${word} flannel-ipv${version} {
	comment "rules for flannel-ipv${version}"
	chain postrtg {
		comment "chain to manage traffic masquerading by flannel"
		type nat hook postrouting priority srcnat; policy accept;
		meta mark & 0x00004000 == 0x00004000 return
		${word} saddr ${subnet} ${word} daddr ${network} return
		${word} saddr ${network} ${word} daddr ${subnet} return
		${word} saddr != ${network} ${word} daddr ${subnet} return
		${word} saddr ${network} ${word} daddr != ${groups} masquerade fully-random
		${word} saddr != ${network} ${word} daddr ${network} masquerade fully-random
	}

	chain forward {
		comment "chain to accept flannel traffic"
		type filter hook forward priority filter; policy accept;
		${word} saddr ${network} accept
		${word} daddr ${network} accept
	}
}`
}

const four = tableText('ip', 4, ['10.244.0.0/16', '10.244.1.0/24', '224.0.0.0/4'])
const six = tableText('ip6', 6, ['2001:db8:42::/56', '2001:db8:42:1::/64', 'ff00::/8'])

t.test('they are listed as those of Go’s flanneld', { skip }, async (t) => {
  const { set, sh, told, check } = keptNode(t)
  set(specOf('nftables'))
  t.equal(sh('nft list table ip flannel-ipv4').trim(), four)
  t.equal(sh('nft list table ip6 flannel-ipv6').trim(), six)
  check()
  t.strictSame(told(), [])
  set(specOf('nftables', { fullyRandom: false }))
  t.equal(sh('nft list table ip flannel-ipv4').trim(), four.replaceAll(' fully-random', ''))
  t.notMatch(sh('nft list tables'), 'filter', 'no table of iptables is made by looking')
})

t.test('what others do to them is mended', { skip }, async (t) => {
  const { set, sh, run, told, check } = keptNode(t)
  run('nft', 'add table ip others; add chain ip others c; add rule ip others c drop')
  const others = sh('nft list table ip others')
  set(specOf('nftables'))
  const table = 'ip flannel-ipv4'
  const handle = (text: string) => {
    const listing = sh(`nft -a list table ${table}`)
    const line = listing.split('\n').find((each) => each.includes(text))
    return /handle (\d+)$/.exec(line ?? '')?.[1] ?? ''
  }
  const second = 'ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 return'
  const masquerade = ['repaired masquerade']
  const damages: readonly (readonly [name: string, damage: () => void, told: string[]])[] = [
    [
      'a rule deleted',
      () => sh(`nft delete rule ${table} postrtg handle ${handle(second)}`),
      masquerade,
    ],
    ['a chain flushed', () => sh(`nft flush chain ${table} forward`), ['repaired forward']],
    [
      'another rule',
      () => sh(`nft insert rule ${table} postrtg ip saddr 192.0.2.1 accept`),
      masquerade,
    ],
    [
      'another order',
      () => {
        sh(`nft delete rule ${table} postrtg handle ${handle(second)}`)
        sh(`nft add rule ${table} postrtg ${second}`)
      },
      masquerade,
    ],
    [
      'a chain deleted',
      () => run('nft', `flush chain ${table} postrtg; delete chain ${table} postrtg`),
      masquerade,
    ],
    [
      'the table deleted',
      () => sh(`nft delete table ${table}`),
      [...masquerade, 'repaired forward'],
    ],
  ]
  const sorted = (text: string) => text.trim().split('\n').sort()
  for (const [name, damage, wanted] of damages) {
    damage()
    check()
    // a chain that has been made anew is listed behind the other one
    t.strictSame(sorted(sh(`nft -s list table ${table}`)), sorted(four), name)
    t.strictSame(told(), wanted, name)
  }
  t.equal(sh(`nft list table ${table}`).trim(), four)
  t.equal(sh('nft list table ip others'), others)
  check()
  t.strictSame(told(), [])
})

t.test('those of an older network go', { skip }, async (t) => {
  const { set, sh, run, told } = keptNode(t)
  const [first] = specOf('nftables').networks
  run(
    'nft',
    'add table ip flannel-ipv4; add chain ip flannel-ipv4 forward {type filter hook forward priority 0;}',
  )
  sh('nft add rule ip flannel-ipv4 forward ip saddr 10.1.0.0/16 accept')
  set(specOf('nftables'))
  t.equal(sh('nft list table ip flannel-ipv4').split('10.1.').length, 1)

  set(specOf('nftables', { networks: first === undefined ? [] : [first], masquerade: false }))
  t.strictSame(sh('nft list tables').trim(), 'table ip flannel-ipv4')
  t.notMatch(sh('nft list table ip flannel-ipv4'), 'postrtg')
  t.match(sh('nft list table ip flannel-ipv4'), 'chain forward')
  t.strictSame(told(), [
    'debug: masquerade rules of IPv4 by nftables are removed',
    'debug: rules of IPv6 by nftables are removed',
  ])
})

t.test('nothing is run as long as no rule changes', { skip }, async (t) => {
  const { set, check, sh, tools, told } = keptNode(t)
  set(specOf('nftables'))
  check() // its own change is looked at once
  tools.ran.length = 0
  for (let count = 0; count < 5; count++) check()
  t.strictSame(tools.ran, [])
  sh('nft add table ip others')
  check()
  t.equal(tools.ran.length, 4)
  check()
  t.strictSame([tools.ran.length, told()], [4, []])
})
