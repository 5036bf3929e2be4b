import t from 'tap'
import { parseResolvConf } from '../../../ipam/host-local/resolv-conf.ts'

t.test('gathers all lines', async (t) => {
  const text = `
# comment
; comment
domain first.example
nameserver 192.0.2.0 # the rest is ignored
  nameserver\t192.0.2.1
search a.example b.example
domain last.example
search c.example
options four two
options one
nameserver
unknown thing
`
  t.strictSame(parseResolvConf(text), {
    nameservers: ['192.0.2.0', '192.0.2.1'],
    domain: 'last.example',
    search: ['a.example', 'b.example', 'c.example'],
    options: ['four', 'two', 'one'],
  })
})

t.test('has only what the file has', async (t) => {
  t.strictSame(parseResolvConf(''), {})
  t.strictSame(parseResolvConf('#nameserver 1.1.1.1\r\nnameserver 192.0.2.1\r\n'), {
    nameservers: ['192.0.2.1'],
  })
})
