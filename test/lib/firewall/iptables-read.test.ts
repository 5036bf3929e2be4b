/** Rules as iptables 1.8 lists them. */
import t from 'tap'
import { parseRule } from '../../../lib/firewall/iptables-read.ts'
import { splitWords } from '../../../lib/firewall/iptables-words.ts'
import { ruleWords } from '../../../lib/firewall/iptables-write.ts'
import type { Rule } from '../../../lib/firewall/rule.ts'
import { cidr, ip } from '../../support/address.ts'

const subnet = { source: cidr('10.0.0.0/24') }

t.test('rules of known kinds', async (t) => {
  const cases: [line: string, rule: Rule][] = [
    ['', []],
    ['-s 10.0.0.0/24 -j ACCEPT', [subnet, { verdict: 'accept' }]],
    [
      '! -d 224.0.0.0/4 -m comment --comment "a \\"b\\"" -j MASQUERADE --random-fully',
      [
        { destination: cidr('224.0.0.0/4'), op: '!=' },
        { comment: 'a "b"' },
        { masquerade: { fullyRandom: true } },
      ],
    ],
    [
      '-d fd00::1/128 -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::2]:8080',
      [
        { destination: cidr('fd00::1/128') },
        { protocol: 'tcp', port: 80 },
        { dnat: { ip: ip('fd00::2'), port: 8080 } },
      ],
    ],
    ['-p udp -m multiport --dports 1,2 -j A', [{ protocol: 'udp', ports: [1, 2] }, { jump: 'A' }]],
    [
      '-m mark --mark 0x4000/0x4000 -m comment --comment "-j X" -j RETURN',
      [{ mark: 0x4000 }, { comment: '-j X' }, { verdict: 'return' }],
    ],
    ['-m addrtype --dst-type LOCAL -g A', [{ destinationType: 'local' }, { goto: 'A' }]],
    ['-j MARK --set-xmark 0x2000/0x2000', [{ setMark: 0x2000 }]],
    [
      '-i -x -m mac --mac-source 0a:58:00:00:00:01 -j DROP',
      [{ inputInterface: '-x' }, { sourceMac: '0a:58:00:00:00:01' }, { verdict: 'drop' }],
    ],
  ]
  for (const [line, rule] of cases) t.strictSame(parseRule(splitWords(line)), rule, line)
})

t.test('what is of no known kind stays in its words', async (t) => {
  for (const line of [
    '-i wire -m conntrack --ctstate NEW,RELATED -j ACCEPT',
    '! -i wire -j A',
    '-p tcp -j A',
    '! -p tcp -j A',
    '-p icmp -m icmp --icmp-type 8 -j A',
    '-m mark --mark 0x1 -j A',
    '-m mark ! --mark 0x1/0x1 -j A',
    '-m addrtype --src-type LOCAL --dst-type LOCAL -j A',
    '-s 10.0.0.1,10.0.0.2 -j A',
    '-m statistic --mode random --probability 0.5 -j A',
    '-j LOG --log-prefix x --log-level 3',
    '-j DNAT --to-destination 10.0.0.2:80-90',
    '-j MARK --set-xmark 0x1/0xffffffff',
    '-j MASQUERADE --to-ports 1-2 --random-fully',
  ]) {
    t.equal(ruleWords(parseRule(splitWords(line))).join(' '), line)
  }
})
