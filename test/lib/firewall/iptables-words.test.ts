import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { joinWords, splitWords } from '../../../lib/firewall/iptables-words.ts'

t.test('quotes what iptables-restore would take apart', async (t) => {
  t.equal(joinWords(['-A', 'C', '--dport', '80']), '-A C --dport 80')
  t.equal(
    joinWords(['--comment', 'dnat name: "net" id: "c\\1"']),
    '--comment "dnat name: \\"net\\" id: \\"c\\\\1\\""',
  )
  t.equal(joinWords(['--comment', '']), '--comment ""')
  t.equal(joinWords(['#', "it's", '[::1]:80']), '"#" "it\'s" "[::1]:80"')
  t.throws(() => joinWords(['a\nCOMMIT']), RangeError)
  t.throws(() => joinWords(['a\0']), RangeError)
})

t.test('reads what iptables -S prints', async (t) => {
  const line =
    '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"my\\\'net\\" id: \\"c1\\"" ' +
    '-m multiport --dports 8080,8081 -j CNI-DN-a'
  t.strictSame(splitWords(line), [
    ...['-A', 'CNI-HOSTPORT-DNAT', '-p', 'tcp', '-m', 'comment'],
    ...['--comment', 'dnat name: "my\'net" id: "c1"'],
    ...['-m', 'multiport', '--dports', '8080,8081', '-j', 'CNI-DN-a'],
  ])
})

t.test('reads what it wrote', async (t) => {
  const word = fc.string().filter((text) => !/[\n\0]/.test(text))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(word), (words) =>
        isDeepStrictEqual(splitWords(joinWords(words)), words),
      ),
    ),
  )
})
