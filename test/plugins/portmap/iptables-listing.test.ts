import t from 'tap'
import { parseRule } from '../../../lib/firewall/iptables-read.ts'
import { splitWords } from '../../../lib/firewall/iptables-words.ts'
import { claimOf, parseJump } from '../../../plugins/portmap/iptables-listing.ts'
import { formatHostPort } from '../../../plugins/portmap/mapping.ts'
import { listedByIptables } from '../../support/listed-rule.ts'

const owner = { network: 'net1', containerId: 'c1' }
const comment = '--comment "dnat name: \\"net1\\" id: \\"c1\\""'

const inShared = (words: readonly string[]) => listedByIptables('CNI-HOSTPORT-DNAT', words)

t.test('a jump', async (t) => {
  const listed = inShared(
    splitWords(`-p tcp -m comment ${comment} -m multiport --dports 80,81 -j CNI-DN-a`),
  )
  t.strictSame(parseJump(listed), {
    ...{ listed, owner, chain: 'CNI-DN-a', protocol: 'tcp', ports: [80, 81], isConditional: false },
  })
})

t.test('a jump with conditions', async (t) => {
  for (const condition of ['-i wire', '! -i wire', '-s 192.0.2.0/24', '-m mark --mark 0x1']) {
    const rule = splitWords(
      `${condition} -p udp -m comment ${comment} -m multiport --dports 80 -j CNI-DN-a`,
    )
    t.match(
      parseJump(inShared(rule)),
      { protocol: 'udp', ports: [80], isConditional: true },
      condition,
    )
  }
})

t.test('a jump of another form', async (t) => {
  const cut = 'dnat name: "net1" id: "c...'
  t.match(parseJump(inShared(['-m', 'comment', '--comment', cut, '-j', 'X'])), { owner: undefined })
  const bare = parseJump(inShared(['-j', 'X']))
  t.match(bare, { chain: 'X', owner: undefined, protocol: undefined, isConditional: false })
})

t.test('what the rules of a container claim', async (t) => {
  const claim = (line: string) => {
    const found = claimOf(owner, parseRule(splitWords(line)))
    return found && formatHostPort(found)
  }
  const dnat = '-j DNAT --to-destination 10.0.0.2:80'
  t.equal(claim(`-p tcp -m tcp --dport 8080 ${dnat}`), '8080/tcp')
  t.equal(claim(`-d 192.0.2.1/32 -p udp -m udp --dport 53 ${dnat}`), '192.0.2.1:53/udp')
  t.equal(claim(`-d 2001:db8::1/128 -p sctp -m sctp --dport 53 ${dnat}`), '[2001:db8::1]:53/sctp')
  t.equal(claim('-s 10.0.0.0/24 -p tcp -m tcp --dport 80 -j CNI-HOSTPORT-SETMARK'), undefined)
  t.equal(claim(dnat), undefined)
})
