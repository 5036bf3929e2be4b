/** The rules by the real iptables, which lists them; of both families. */
import t from 'tap'
import { missingProgram } from '../../../scripts/lab/run.ts'
import { keptNode, rulesSkip, specOf } from '../../support/node-rules.ts'

const skip = rulesSkip()
const masq = '-m comment --comment "flanneld masq"'
const forward = '-m comment --comment "flanneld forward"'

/** What `-t nat -S` lists with nothing else in it. */
function natLines(network: string, subnet: string, groups: string, random = ' --random-fully') {
  return [
    ...['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((chain) => `-P ${chain} ACCEPT`),
    '-N FLANNEL-POSTRTG',
    `-A POSTROUTING ${masq} -j FLANNEL-POSTRTG`,
    `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${subnet} -d ${network} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${network} -d ${subnet} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG ! -s ${network} -d ${subnet} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${network} ! -d ${groups} ${masq} -j MASQUERADE${random}`,
    `-A FLANNEL-POSTRTG ! -s ${network} -d ${network} ${masq} -j MASQUERADE${random}`,
  ]
}

function filterLines(network: string) {
  return [
    ...['INPUT', 'FORWARD', 'OUTPUT'].map((chain) => `-P ${chain} ACCEPT`),
    '-N FLANNEL-FWD',
    `-A FORWARD ${forward} -j FLANNEL-FWD`,
    `-A FLANNEL-FWD -s ${network} ${forward} -j ACCEPT`,
    `-A FLANNEL-FWD -d ${network} ${forward} -j ACCEPT`,
  ]
}

const nat4 = natLines('10.244.0.0/16', '10.244.1.0/24', '224.0.0.0/4')
const nat6 = natLines('2001:db8:42::/56', '2001:db8:42:1::/64', 'ff00::/8')

t.test('they are listed as those of Go’s flanneld', { skip }, async (t) => {
  const { set, lines, told, check } = keptNode(t)
  set(specOf('iptables'))
  t.strictSame(lines('iptables -t nat -S'), nat4)
  t.strictSame(lines('ip6tables -t nat -S'), nat6)
  t.strictSame(lines('iptables -S'), filterLines('10.244.0.0/16'))
  t.strictSame(lines('ip6tables -S'), filterLines('2001:db8:42::/56'))
  check()
  t.strictSame(told(), [])
  set(specOf('iptables', { fullyRandom: false }))
  t.strictSame(
    lines('iptables -t nat -S'),
    nat4.map((line) => line.replace(' --random-fully', '')),
  )
})

t.test('what others do to them is mended', { skip }, async (t) => {
  const { set, lines, sh, run, told, check } = keptNode(t)
  sh('iptables -t nat -A POSTROUTING -s 192.0.2.1 -j ACCEPT')
  set(specOf('iptables'))
  sh('iptables -t nat -A POSTROUTING -s 192.0.2.2 -j ACCEPT')
  const wanted = lines('iptables -t nat -S')
  const rule = (number: number) => wanted.filter((line) => line.startsWith('-A FLANNEL'))[number]
  const second = rule(1)?.replaceAll('"', '').replace('flanneld masq', 'flanneld_masq').split(' ')
  const words = (second ?? [])
    .slice(2)
    .map((word) => word.replace('flanneld_masq', 'flanneld masq'))

  const damages: Readonly<Record<string, () => void>> = {
    'a rule deleted': () => sh('iptables -t nat -D FLANNEL-POSTRTG 3'),
    'a chain flushed': () => sh('iptables -t nat -F FLANNEL-POSTRTG'),
    'another rule': () => sh('iptables -t nat -I FLANNEL-POSTRTG 4 -s 192.0.2.3 -j ACCEPT'),
    'another order': () => {
      sh('iptables -t nat -D FLANNEL-POSTRTG 2')
      run('iptables', '-t', 'nat', '-A', 'FLANNEL-POSTRTG', ...words)
    },
    'a second jump': () => sh('iptables -t nat -I POSTROUTING -j FLANNEL-POSTRTG'),
  }
  for (const [name, damage] of Object.entries(damages)) {
    damage()
    t.not(lines('iptables -t nat -S').join(), wanted.join(), name)
    check()
    t.strictSame(lines('iptables -t nat -S'), wanted, `${name}, and the jump is where it was`)
    t.strictSame(told(), ['repaired masquerade'], name)
  }

  sh('iptables -t nat -D POSTROUTING 2')
  check()
  const jump = `-A POSTROUTING ${masq} -j FLANNEL-POSTRTG`
  const others = wanted.filter((line) => line.includes('192.0.2.'))
  const found = lines('iptables -t nat -S').filter((line) => line.startsWith('-A POSTROUTING'))
  t.strictSame(found, [...others, jump], 'behind those of others')
  t.strictSame(told(), ['repaired masquerade'])

  sh('ip6tables -F')
  sh('ip6tables -X')
  check()
  t.strictSame(lines('ip6tables -S'), filterLines('2001:db8:42::/56'))
  t.strictSame(told(), ['repaired forward'])
  check()
  t.strictSame(told(), [])
})

t.test('those of an older network, and of older versions, go', { skip }, async (t) => {
  const { set, lines, sh, run, told } = keptNode(t)
  const [, six] = specOf('iptables').networks
  const comment = ['-m', 'comment', '--comment', 'flanneld masq']
  run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-s', '10.1.0.0/16', ...comment, '-j', 'RETURN')
  run('iptables', '-A', 'FORWARD', '-s', '10.1.0.0/16', ...comment.with(-1, 'flanneld forward'))
  sh('iptables -t nat -N FLANNEL-POSTRTG')
  sh('iptables -t nat -A FLANNEL-POSTRTG -s 10.1.0.0/16 -j MASQUERADE')
  sh('iptables -t nat -A POSTROUTING -j FLANNEL-POSTRTG')
  set(specOf('iptables'))
  t.strictSame(lines('iptables -t nat -S'), nat4)
  t.strictSame(lines('iptables -S'), filterLines('10.244.0.0/16'))

  set(specOf('iptables', { networks: six === undefined ? [] : [six], forward: false }))
  for (const command of ['iptables -t nat -S', 'iptables -S', 'ip6tables -S']) {
    t.notMatch(lines(command).join('\n'), /flannel/i, command)
  }
  t.strictSame(lines('ip6tables -t nat -S'), nat6)
  t.strictSame(told(), [
    'debug: masquerade rules of IPv4 by iptables are removed',
    'debug: forward rules of IPv4 by iptables are removed',
    'debug: forward rules of IPv6 by iptables are removed',
  ])
})

t.test('nothing is run as long as no rule changes', { skip }, async (t) => {
  const { set, check, sh, tools, told } = keptNode(t)
  set(specOf('iptables'))
  check() // its own change is looked at once
  tools.ran.length = 0
  for (let count = 0; count < 5; count++) check()
  t.strictSame(tools.ran, [])
  sh('iptables -A INPUT -s 192.0.2.1 -j ACCEPT')
  check()
  t.equal(tools.ran.length, 4, 'a listing for each table and family')
  tools.ran.length = 0
  check()
  t.strictSame([tools.ran, told()], [[], []])
})

t.test('of the older half', { skip: skip || missingProgram('iptables-legacy') }, async (t) => {
  const { set, lines, sh, told, check, tools } = keptNode(t)
  tools.isLegacy = true
  const [first] = specOf('iptables').networks
  const spec = specOf('iptables', { networks: first === undefined ? [] : [first] })
  set(spec)
  t.strictSame(lines('iptables-legacy -t nat -S'), nat4)
  t.strictSame(lines('iptables-legacy -S'), filterLines('10.244.0.0/16'))
  for (const round of ['first', 'second']) {
    check()
    sh('iptables-legacy -t nat -D FLANNEL-POSTRTG 2')
    check()
    t.strictSame(lines('iptables-legacy -t nat -S'), nat4, round)
    t.strictSame(told(), ['repaired masquerade'], 'though the kernel tells of no change')
  }
  set(specOf('nftables'))
  t.notMatch(sh('iptables-legacy -t nat -S') + sh('iptables-legacy -S'), /flannel/i)
  t.strictSame(told(), [
    'debug: masquerade rules of IPv4 by iptables are removed',
    'debug: forward rules of IPv4 by iptables are removed',
  ])
})
