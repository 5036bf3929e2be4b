import t from 'tap'
import type { Attachment } from '../../../lib/cni/attachment.ts'
import { nftText } from '../../../lib/firewall/nft-write.ts'
import type { ListedRule } from '../../../lib/firewall/rule.ts'
import type { Cidr } from '../../../lib/ip/ip.ts'
import {
  ownerComment,
  ownerHash,
  setUpChanges,
} from '../../../plugins/bridge/masquerade-nftables.ts'
import { cidr } from '../../support/address.ts'
import { listedByNft } from '../../support/listed-rule.ts'

const owner = { network: 'unit-test', ifName: 'eth0', containerId: 'one' }
const comment = '6fd94d501e58f0aa-287fc69eff0574a2, net: unit-test, if: eth0, id: one'

/** What every transaction starts with. */
const frame = `add table inet cni_plugins_masquerade { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }
add chain inet cni_plugins_masquerade masq_checks { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }
add chain inet cni_plugins_masquerade postrouting { type nat hook postrouting priority 100 ; }
flush chain inet cni_plugins_masquerade postrouting
add rule inet cni_plugins_masquerade postrouting ip daddr == 224.0.0.0/4 return
add rule inet cni_plugins_masquerade postrouting ip6 daddr == ff00::/8 return
add rule inet cni_plugins_masquerade postrouting goto masq_checks
`

/** What nft reads to set an owner's rules up. */
function setUpTransaction(
  of: Attachment,
  addresses: readonly Cidr[],
  old: readonly ListedRule[],
): string {
  const table = { family: 'inet', name: 'cni_plugins_masquerade' } as const
  return nftText([{ table, changes: setUpChanges(of, addresses, old) }])
}

t.test('hashes of network and attachment start a comment', async (t) => {
  t.equal(ownerHash(owner), '6fd94d501e58f0aa-287fc69eff0574a2')
  t.equal(
    ownerHash({ network: 'mynet', ifName: 'eth0', containerId: 'c1' }),
    'd23676b4f2d9fe04-f4d01f2ef4b92245',
  )
  t.equal(ownerComment(owner), comment)
})

t.test('a comment is as long as nft takes', async (t) => {
  const long = ownerComment({ ...owner, containerId: 'a'.repeat(128) })
  t.match(long, /^[0-9a-f]{16}-[0-9a-f]{16}, net: unit-test, if: eth0, id: a+$/)
  t.equal(long.length, 128)
  for (const length of [70, 71, 72, 73]) {
    const network = 'n'.repeat(length)
    const cut = ownerComment({ ...owner, network, ifName: 'ééééééé' })
    t.ok(Buffer.byteLength(cut) <= 128, 'no more than 128 bytes')
    t.notMatch(cut, /\uFFFD/, 'no half of a character')
    t.ok(cut.startsWith(ownerHash({ ...owner, network, ifName: 'ééééééé' })))
  }
})

t.test('a comment has no quotes, which nft cannot write', async (t) => {
  const quoted = { network: 'a"b', ifName: '"', containerId: 'x"y"' }
  t.equal(ownerComment(quoted), `${ownerHash(quoted)}, net: ab, if: , id: xy`)
})

t.test('one transaction adds a rule for each address', async (t) => {
  const addresses = [cidr('192.168.1.1/24'), cidr('2001:db8:1::2/64')]
  t.equal(
    setUpTransaction(owner, addresses, []),
    `${frame}add rule inet cni_plugins_masquerade masq_checks ip saddr == 192.168.1.1 ip daddr != 192.168.1.0/24 masquerade comment "${comment}"
add rule inet cni_plugins_masquerade masq_checks ip6 saddr == 2001:db8:1::2 ip6 daddr != 2001:db8:1::/64 masquerade comment "${comment}"
`,
  )
})

t.test('several addresses of one family have a rule each', async (t) => {
  const text = setUpTransaction(owner, [cidr('10.1.2.3/24'), cidr('10.9.0.3/16')], [])
  t.match(text, 'ip saddr == 10.1.2.3 ip daddr != 10.1.2.0/24 masquerade')
  t.match(text, 'ip saddr == 10.9.0.3 ip daddr != 10.9.0.0/16 masquerade')
})

t.test('the same transaction deletes the rules of an earlier ADD', async (t) => {
  const old = listedByNft('masq_checks', [], comment, 7)
  const text = setUpTransaction(owner, [cidr('192.168.1.1/24')], [old])
  const [, rest = ''] = text.split(frame)
  t.match(rest, /^delete rule inet cni_plugins_masquerade masq_checks handle 7\nadd rule [^\n]+\n$/)
})

t.test('an interface name cannot end a comment or a command', async (t) => {
  for (const ifName of ['x";flush', 'a{b', 'x;y', '}#', 'x"\n']) {
    const text = setUpTransaction({ ...owner, ifName }, [cidr('192.168.1.1/24')], [])
    t.equal(text.trimEnd().split('\n').length, frame.trimEnd().split('\n').length + 1)
    t.match(text, /masquerade comment "[^"]*"\n$/)
  }
})
