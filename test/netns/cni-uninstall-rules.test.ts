/** What `cni uninstall` does in the firewall; nft and iptables say what is there. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { inside, runSync } from '../../scripts/lab/run.ts'
import { firewallSkip } from '../support/firewall.ts'
import { type InstalledNode, installPlugins, makeInstalledNode } from '../support/installed-node.ts'

const skip = kernelSkip() || firewallSkip()
const plugins = skip ? '' : installPlugins(t)

function nft(node: InstalledNode, ...args: string[]): string {
  return runSync(inside(node.netns, ['nft', ...args]))
}

for (const backend of ['nftables', 'iptables']) {
  t.test(`no rule of ${backend} is left`, { skip }, async (t) => {
    const node = makeInstalledNode(t, plugins)
    const conflist = {
      ...{ name: 'cbr0', cniVersion: '1.0.0', cniVersions: ['1.0.0', '1.1.0'] },
      plugins: [
        { type: 'flannel', delegate: { ipMasq: true, ipMasqBackend: backend, macspoofchk: true } },
        { type: 'portmap', backend, capabilities: { portMappings: true } },
      ],
    }
    rmSync(node.at('etc/cni/net.d/10-flannel.conflist'))
    writeFileSync(node.at('etc/cni/net.d/10-flannel.conflist'), JSON.stringify(conflist))
    const web = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
    const added = await node.attach(node.pod(), 'web', web)
    t.equal(added.code, 0, added.stderr)
    t.match(nft(node, 'list', 'ruleset'), /8080/)
    const { code, stderr } = await node.cni('uninstall', '--force')
    t.equal(code, 0, stderr)
    t.same(readdirSync(node.at('var/lib/cni')), ['networks', 'results'])
    t.notMatch(nft(node, 'list', 'ruleset'), /8080|masquerade|MASQ|CNI|cni/)
  })
}

const structure = `
table ip cni_hostport {
  chain hostports { }
  chain hostports_all { jump hostports; }
  chain prerouting { type nat hook prerouting priority -100; fib daddr type local jump hostports_all; }
}
table inet cni_plugins_masquerade {
  chain masq_checks { }
  chain postrouting { type nat hook postrouting priority 100; goto masq_checks; }
}
table ip somebody { }
`
const used = 'add rule ip cni_hostport hostports tcp dport 80 dnat to 10.9.0.2:80 comment "c9"'

t.test('removes empty tables, and keeps those in use', { skip }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  writeFileSync(node.at('rules'), structure)
  nft(node, '-f', node.at('rules'))
  nft(node, used)
  const first = await node.cni('uninstall')
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, 'kept table ip cni_hostport of nftables: other networks use it\n')
  t.same(nft(node, 'list', 'tables'), 'table ip cni_hostport\ntable ip somebody\n')

  nft(node, 'flush', 'chain', 'ip', 'cni_hostport', 'hostports')
  const second = await node.run(join(binDir(), 'cni'), 'uninstall')
  t.equal(second.code, 0, second.stderr)
  t.same(nft(node, 'list', 'tables'), 'table ip somebody\n')
})

const chains = `*nat
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:SOMEBODY - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -j SOMEBODY
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
COMMIT
`

t.test('removes empty chains', { skip }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const iptables = (...args: string[]) => runSync(inside(node.netns, ['iptables', ...args]))
  writeFileSync(node.at('rules'), chains)
  runSync(inside(node.netns, ['iptables-restore', '--noflush', node.at('rules')]))
  iptables('-t', 'nat', '-A', 'CNI-HOSTPORT-DNAT', '-j', 'SOMEBODY')
  const first = await node.cni('uninstall')
  t.equal(first.code, 0, first.stderr)
  t.match(
    first.stdout,
    /\nkept chains CNI-HOSTPORT-DNAT, .* of iptables: other networks use them\n/,
  )
  t.match(iptables('-t', 'nat', '-S'), '-A PREROUTING -m addrtype')

  iptables('-t', 'nat', '-F', 'CNI-HOSTPORT-DNAT')
  const second = await node.run(join(binDir(), 'cni'), 'uninstall')
  t.equal(second.code, 0, second.stderr)
  const left = iptables('-t', 'nat', '-S')
  t.notMatch(left, 'CNI-HOSTPORT')
  t.match(left, '-A OUTPUT -j SOMEBODY')
})
