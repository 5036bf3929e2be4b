import { statSync } from 'node:fs'
import t from 'tap'
import { Netns } from '../../../lib/linux/netns.ts'
import { interfaceSysctl, readSysctl, writeSysctl } from '../../../lib/linux/sysctl.ts'
import { addNamespace, getSysctl, kernelSkip, setSysctl } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'

t.test('parameters of a namespace', { skip: kernelSkip() }, async (t) => {
  const namespace = addNamespace(t)
  using netns = Netns.open(namespace.netns)
  setSysctl(namespace, 'net/ipv4/ip_forward', '0')
  t.equal(
    netns.run(() => readSysctl('net/ipv4/ip_forward')),
    '0',
  )
  netns.run(() => writeSysctl('net/ipv4/ip_forward', '1'))
  t.equal(getSysctl(namespace, 'net/ipv4/ip_forward'), '1')
})

t.test('an interface with dots in its name', { skip: kernelSkip() }, async (t) => {
  const namespace = addNamespace(t)
  runSync(['ip', '-n', namespace.name, 'link', 'add', 'cni0.100', 'type', 'bridge'])
  using netns = Netns.open(namespace.netns)
  netns.run(() => writeSysctl(interfaceSysctl('ipv4', 'cni0.100', 'arp_notify'), '1'))
  t.equal(getSysctl(namespace, 'net/ipv4/conf/cni0.100/arp_notify'), '1')
})

t.test('what has the value already is not written', async (t) => {
  // a parameter that nobody may write: writing it would throw
  const name = 'kernel/ostype'
  t.equal(statSync(`/proc/sys/${name}`).mode & 0o222, 0)
  writeSysctl(name, 'Linux')
  t.throws(() => writeSysctl(name, 'Minix'), { code: 'EACCES' })
})

t.test('a parameter that does not exist', async (t) => {
  t.throws(() => readSysctl('net/ipv4/nosuch'), { code: 'ENOENT' })
  t.throws(() => writeSysctl('net/ipv4/nosuch', '1'), { code: 'ENOENT' })
})

t.test('names never leave their folder', async (t) => {
  for (const name of ['../etc/passwd', 'net/../../etc', '/etc', 'net//ipv4', 'net/.', '', 'net/']) {
    t.throws(() => readSysctl(name), RangeError, name)
    t.throws(() => writeSysctl(name, '1'), RangeError, name)
  }
  for (const ifName of ['..', '.', '']) {
    t.throws(() => readSysctl(interfaceSysctl('ipv4', ifName, 'arp_notify')), RangeError, ifName)
  }
  t.throws(() => interfaceSysctl('ipv4', 'a/b', 'arp_notify'), {
    message: 'interface name "a/b" must not contain a slash',
  })
})
