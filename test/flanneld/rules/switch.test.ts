/** From one backend to the other, and what each knows of the other. */
import t from 'tap'
import { missingProgram } from '../../../scripts/lab/run.ts'
import { keptNode, rulesSkip, specOf } from '../../support/node-rules.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const skip = rulesSkip()
const legacySkip = skip || missingProgram('iptables-legacy')
const everything = ['iptables', 'iptables -t nat', 'ip6tables', 'ip6tables -t nat']

t.test('nothing of the other backend is left', { skip }, async (t) => {
  const { set, sh, lines, told } = keptNode(t)
  sh('iptables -t nat -A POSTROUTING -s 192.0.2.1 -j ACCEPT')
  sh('nft add table ip others')
  for (const round of ['first', 'second']) {
    set(specOf('iptables'))
    t.strictSame(sh('nft list tables ip').includes('flannel'), false, round)
    t.match(sh('iptables -t nat -S'), 'FLANNEL-POSTRTG')
    told()
    set(specOf('nftables'))
    for (const command of everything) t.notMatch(sh(`${command} -S`), /flannel/i, command)
    t.match(sh('nft list tables'), /table ip flannel-ipv4\n.*table ip6 flannel-ipv6\n/s)
    t.equal(told().length, 4, 'each kind of each family is told')
  }
  t.strictSame(lines('iptables -t nat -S POSTROUTING').slice(1), [
    '-A POSTROUTING -s 192.0.2.1/32 -j ACCEPT',
  ])
  t.match(sh('nft list tables'), 'table ip others')

  set(specOf('iptables', { networks: [] }))
  t.notMatch(sh('nft list ruleset'), /flannel/i)
})

t.test('an empty table goes too, and what Go’s flanneld has left', { skip }, async (t) => {
  const { set, sh, run, told } = keptNode(t)
  sh('nft add table ip6 flannel-ipv6')
  set(specOf('iptables'))
  t.notMatch(sh('nft list tables'), 'flannel')
  set(specOf('nftables', { networks: [] }))

  // it flushes the one chain, and does not find the other
  const comment = ['-m', 'comment', '--comment', 'flanneld masq']
  sh('iptables -t nat -N FLANNEL-POSTRTG')
  run('iptables', '-t', 'nat', '-A', 'POSTROUTING', ...comment, '-j', 'FLANNEL-POSTRTG')
  sh('ip6tables -N FLANNEL-FWD')
  told()
  set(specOf('nftables'))
  for (const command of everything) t.notMatch(sh(`${command} -S`), /flannel/i, command)
  t.strictSame(told(), [
    'debug: masquerade rules of IPv4 by iptables are removed',
    'debug: forward rules of IPv6 by iptables are removed',
  ])
})

t.test('without the programs of the other backend', { skip }, async (t) => {
  const { set, sh, tools, told } = keptNode(t)
  tools.hidden.add('nft')
  set(specOf('iptables'))
  t.strictSame(told(), [], 'there is nothing to remove')
  for (const program of ['iptables', 'iptables-restore', 'ip6tables', 'ip6tables-restore']) {
    tools.hidden.add(program)
  }
  tools.hidden.delete('nft')
  set(specOf('nftables'))
  const warnings = told()
  t.equal(warnings.length, 4)
  for (const warning of warnings) {
    t.match(warning, /^warning: .* by iptables could not be removed: .*ip6?tables.* is hidden$/)
  }
  t.match(sh('nft list tables'), 'flannel-ipv4', 'it goes on')
})

t.test(
  'what the kernel does not show is looked for if it can be',
  { skip: legacySkip },
  async (t) => {
    const { set, sh, tools, told } = keptNode(t)
    sh('iptables-legacy -t nat -S')
    tools.hidden.add('iptables')
    set(specOf('nftables', { networks: specOf('nftables').networks.slice(0, 1) }))
    t.strictSame(told(), ['debug: iptables is not installed: there is nothing of it to remove'])
    tools.hidden.clear()
    set(specOf('nftables'))
    t.strictSame(told(), [])
    t.strictSame(sh('nft list tables').match(/ nat$/m), null, 'no table is made by looking')
  },
)

t.test('a policy of iptables that drops is told with the remedy', { skip }, async (t) => {
  const { set, sh, told } = keptNode(t)
  sh('iptables -A FORWARD -s 192.0.2.1 -j ACCEPT')
  set(specOf('nftables'))
  t.strictSame(told(), [])
  sh('iptables -P FORWARD DROP')
  set(specOf('nftables', { forward: false }))
  t.strictSame(told(), [
    'debug: forward rules of IPv4 by nftables are removed',
    'debug: forward rules of IPv6 by nftables are removed',
  ])
  set(specOf('nftables'))
  const remedies = ['-s', '-d'].map(
    (option) => `iptables -I FORWARD ${option} 10.244.0.0/16 -j ACCEPT`,
  )
  t.strictSame(told(), [
    'warning: iptables drops what it forwards: the policy of its chain FORWARD is DROP, which rules ' +
      'of nftables do not override, so packets from and to 10.244.0.0/16 are lost; accept them there ' +
      `(${remedies.join('; ')}), or set EnableNFTables of the network configuration to false`,
  ])
  for (const remedy of remedies) sh(remedy)
  set(specOf('nftables'))
  t.strictSame(told(), [], 'the remedy is one')
  set(specOf('iptables'))
  t.notMatch(told().join(), 'warning', 'there it is overridden')
})

t.test('a policy of iptables-legacy', { skip: legacySkip }, async (t) => {
  const { set, sh, told } = keptNode(t)
  sh('iptables-legacy -P FORWARD DROP')
  set(specOf('nftables'))
  t.match(told(), [/^warning: iptables drops/])
})

t.test('what cannot be set', { skip }, async (t) => {
  const { set, check, sh, tools, told } = keptNode(t)
  tools.hidden.add('nft')
  const { message } = thrownDetailed(() => set(specOf('nftables')))
  t.equal(message, 'nft is hidden')
  set(specOf('nftables', { masquerade: false }))
  const failures = [4, 6].map(
    (family) => `failed forward rules of IPv${family} by nftables: nft is hidden`,
  )
  t.strictSame(told(), failures)
  for (let count = 0; count < 3; count++) check()
  t.strictSame(told(), [], 'the same is told once')
  tools.hidden.clear()
  check()
  t.strictSame(told(), ['repaired forward', 'repaired forward'])
  t.match(sh('nft list tables'), 'flannel-ipv6')
})

t.test('the rules of the other backend stay until the new ones are there', { skip }, async (t) => {
  const { set, check, sh, tools, told } = keptNode(t)
  set(specOf('iptables'))
  tools.hidden.add('nft')
  thrownDetailed(() => set(specOf('nftables')))
  t.match(sh('iptables -t nat -S'), 'FLANNEL-POSTRTG')
  check()
  t.match(sh('iptables -t nat -S'), 'FLANNEL-POSTRTG')
  t.equal(told().length, 4, 'each failure is told')
  tools.hidden.clear()
  check()
  t.match(sh('nft list tables'), 'flannel-ipv4')
  for (const command of everything) t.notMatch(sh(`${command} -S`), /flannel/i, command)
})
