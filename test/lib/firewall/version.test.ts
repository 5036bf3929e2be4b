import t from 'tap'
import { isSince } from '../../../lib/firewall/version.ts'

t.test('compares by numbers, the first one most', async (t) => {
  for (const text of ['iptables v1.6.2', 'iptables v1.8.9 (nf_tables)', 'v1.10.0', 'v2.0']) {
    t.ok(isSince(text, [1, 6, 2]), text)
  }
  for (const text of ['iptables v1.6.1', 'v1.6', 'v1.5.9', 'v0.9.9', 'iptables', '']) {
    t.notOk(isSince(text, [1, 6, 2]), text)
  }
})
