import t from 'tap'
import {
  commentOf,
  destinationOf,
  endsLike,
  formatTarget,
  type Rule,
  sameRule,
  sourceOf,
  targetOf,
  verdictOf,
} from '../../../lib/firewall/rule.ts'
import { formatCidr } from '../../../lib/ip/ip.ts'
import { cidr, ip } from '../../support/address.ts'

const web = { protocol: 'tcp', port: 80 } as const
const drop = { verdict: 'drop' } as const

t.test('rules that do the same', async (t) => {
  const same: [Rule, Rule][] = [
    [
      [web, { source: ip('10.0.0.2') }, drop],
      [{ source: cidr('10.0.0.2/32'), op: '==' }, web, drop],
    ],
    [[{ destination: cidr('10.1.2.3/24') }], [{ destination: cidr('10.1.2.0/24') }]],
    [[{ protocol: 'tcp', ports: [80] }], [web]],
    [[{ protocol: 'udp', ports: [2, 1] }], [{ protocol: 'udp', ports: [1, 2] }]],
    [
      [{ comment: 'a' }, drop],
      [drop, { comment: 'a' }],
    ],
    [[{ sourceMac: '0A:58:00:00:00:01' }], [{ sourceMac: '0a:58:00:00:00:01' }]],
  ]
  for (const [a, b] of same) t.ok(sameRule(a, b), JSON.stringify(a.map(Object.keys)))
})

t.test('rules that do not', async (t) => {
  const other: [Rule, Rule][] = [
    [[web, drop], [web]],
    [[{ source: ip('10.0.0.2') }], [{ destination: ip('10.0.0.2') }]],
    [[{ source: ip('10.0.0.2') }], [{ source: ip('10.0.0.2'), op: '!=' }]],
    [[{ source: cidr('0.0.0.0/0') }], [{ source: cidr('::/0') }]],
    [
      [{ setMark: 1 }, { jump: 'a' }],
      [{ jump: 'a' }, { setMark: 1 }],
    ],
    [[{ jump: 'a' }], [{ goto: 'a' }]],
    [[{ comment: 'a' }, drop], [drop]],
    [[{ mark: 1 }], [{ setMark: 1 }]],
    [[{ masquerade: { fullyRandom: true } }], [{ masquerade: { fullyRandom: false } }]],
    [[{ dnat: { ip: ip('10.0.0.2'), port: 8 } }], [{ dnat: { ip: ip('10.0.0.2'), port: 80 } }]],
    [[{ words: ['-i', 'a'] }], [{ inputInterface: 'a' }]],
  ]
  for (const [a, b] of other) t.notOk(sameRule(a, b), JSON.stringify(a.map(Object.keys)))
})

t.test('the end of a rule', async (t) => {
  const rule: Rule = [{ words: ['iifname', 'x'] }, { destinationType: 'local' }, { jump: 'a' }]
  t.ok(endsLike(rule, [{ destinationType: 'local' }, { jump: 'a' }]))
  t.notOk(endsLike(rule, [{ destinationType: 'local' }]))
})

t.test('what a rule says', async (t) => {
  const rule: Rule = [{ source: ip('10.0.0.2') }, { jump: 'a' }, { comment: 'why' }]
  t.strictSame([commentOf(rule), targetOf(rule), verdictOf(rule)], ['why', 'a', undefined])
  t.strictSame([commentOf([drop]), targetOf([drop]), verdictOf([drop])], ['', undefined, 'drop'])
  t.equal(targetOf([{ goto: 'b' }]), 'b')
  const source = sourceOf(rule)
  t.equal(source && formatCidr(source), '10.0.0.2/32')
  t.equal(destinationOf(rule), undefined)
  t.equal(sourceOf([{ source: ip('10.0.0.2'), op: '!=' }]), undefined, 'from anybody else')
})

t.test('where a packet is sent', async (t) => {
  t.equal(formatTarget({ ip: ip('10.0.0.2'), port: 80 }), '10.0.0.2:80')
  t.equal(formatTarget({ ip: ip('fd00::2'), port: 80 }), '[fd00::2]:80')
})
