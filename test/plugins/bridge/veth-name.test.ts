import t from 'tap'
import { hostVethAlias, hostVethName, randomVethName } from '../../../plugins/bridge/veth-name.ts'
import { contextOf } from '../../support/request.ts'

const named = (containerId: string, ifName = 'eth0', network = 'net1') => ({
  network,
  containerId,
  ifName,
})

t.test('an attachment has one name on the host', async (t) => {
  // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/: of "c1:eth0" and "c2:eth0"
  t.equal(hostVethName(named('c1')), 'veth1f878b18')
  t.equal(hostVethName(named('c2')), 'vetha414149f')
  t.equal(hostVethName(named('c1', 'eth0', 'net2')), hostVethName(named('c1')))
  t.not(hostVethName(named('c1', 'eth1')), hostVethName(named('c1')))
})

t.test('names are as long as the Go plugins’', async (t) => {
  const ids = Array.from({ length: 1000 }, (_, index) => `container-${index}`)
  const names = ids.map((id) => hostVethName(named(id)))
  t.same(
    names.filter((name) => !/^veth[0-9a-f]{8}$/.test(name)),
    [],
  )
  t.equal(new Set(names).size, ids.length)
  t.equal(randomVethName(contextOf()), 'veth00010203')
})

t.test('an alias names network, container and interface', async (t) => {
  t.equal(hostVethAlias(named('c1')), 'net1/c1/eth0')
})

t.test('an alias is never longer than the kernel takes', async (t) => {
  const bytes = (text: string) => Buffer.byteLength(text)
  const fits = named('c'.repeat(255 - bytes('net1//eth0')))
  t.equal(bytes(hostVethAlias(fits)), 255)
  t.match(hostVethAlias(fits), /^net1\/c+\/eth0$/)
  const long = [named('c'.repeat(300)), named('c'.repeat(301)), named('c'.repeat(300), 'äöüäöüä')]
  const aliases = long.map(hostVethAlias)
  for (const alias of aliases) {
    t.ok(bytes(alias) <= 255)
    t.match(alias, /^net1\/c+\/[0-9a-f]{8}$/)
  }
  t.equal(new Set(aliases).size, 3, 'they differ still')
})
