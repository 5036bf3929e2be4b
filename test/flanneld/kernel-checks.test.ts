/** What the agent says about kernel parameters of its node. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { readParameter, remarksOn } from '../../flanneld/kernel-checks.ts'
import { parseNetworkConf } from '../../flanneld/network-conf.ts'
import { runSync } from '../../scripts/lab/run.ts'

/** What is said of a node with these parameters, without line breaks. */
function remarks(parameters: Readonly<Record<string, string>>, more: object = {}): string[] {
  const text = JSON.stringify({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan' }, ...more })
  const conf = parseNetworkConf(text, 'conf')
  return remarksOn(conf, (name) => parameters[name]).map(({ level, text }) => `${level} ${text}`)
}

const [call4, call6] = ['net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables']
const [forward4, forward6] = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']
const dual = { EnableIPv6: true, IPv6Network: 'fd00:244::/56' }
const good = { [call4]: '1', [call6]: '1', [forward4]: '1', [forward6]: '1' }

t.test('nothing is said of a node that is as it should be', async (t) => {
  t.strictSame(remarks(good), [])
  t.strictSame(remarks(good, dual), [])
})

t.test('without br_netfilter there is one warning, with the remedy', async (t) => {
  const none = { [forward4]: '1', [forward6]: '1' }
  const [warning, ...others] = remarks(none, dual)
  t.match(warning, /^warn there is no net\.bridge\.bridge-nf-call-iptables and no .*-ip6tables: /)
  t.match(warning, 'modprobe br_netfilter')
  t.strictSame(others, [])
  t.notMatch(remarks(none)[0], 'ip6tables', 'of the families of the network only')
  t.strictSame(remarks(none, { EnableNFTables: true }), [], 'nftables has no use for it')
})

t.test('one that is switched off is a warning of its own', async (t) => {
  const [warning, ...others] = remarks({ ...good, [call6]: '0' }, dual)
  t.match(warning, /^warn net\.bridge\.bridge-nf-call-ip6tables is 0: /)
  t.match(warning, 'sysctl -w net.bridge.bridge-nf-call-ip6tables=1')
  t.strictSame(others, [])
  t.strictSame(remarks({ ...good, [call6]: '0' }), [])
  t.strictSame(remarks({ ...good, [call4]: '0' }, { EnableNFTables: true }), [])
})

t.test('forwarding that is off is said, for each family, and is no warning', async (t) => {
  const off = { ...good, [forward4]: '0', [forward6]: '0' }
  for (const more of [dual, { ...dual, EnableNFTables: true }]) {
    t.match(remarks(off, more), [
      /^info net\.ipv4\.ip_forward is 0: .* sysctl -w net\.ipv4\.ip_forward=1$/,
      /^info net\.ipv6\.conf\.all\.forwarding is 0: /,
    ])
  }
  t.equal(remarks(off).length, 1)
})

t.test('parameters are those of the kernel', async (t) => {
  t.equal(readParameter(forward4), runSync(['cat', `/proc/sys/${forward4}`]).trim())
  t.equal(readParameter(call4) === undefined, !existsSync(`/proc/sys/${call4}`))
  t.equal(readParameter('net/ipv4/no_such_parameter'), undefined)
})
