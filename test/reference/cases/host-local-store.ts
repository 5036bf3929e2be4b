/** What host-local keeps on disk, and what it makes of what it finds there. */
import type { Case } from '../case.ts'
import { add, check, container, del, eth1, hostLocal, shell, v4, v6, withKeys } from './builders.ts'

const dual = { ranges: [[{ subnet: v4 }], [{ subnet: v6 }]] }
const resolvConf = `# comment
; another
nameserver 10.96.0.10
  nameserver fd00::10 ignored
domain first.example
domain last.example
search a.example b.example
search c.example
options ndots:5 timeout:1
options edns0
sortlist 10.0.0.0
nameserver
`
const net1 = 'networks/net1'

export const storeCases: readonly Case[] = [
  hostLocal('one attachment twice', dual, { steps: [add, add, check, del, add] }),
  hostLocal('two interfaces of a container', dual, {
    steps: [add, eth1(add), check, eth1(check), del, check, eth1(check), eth1(del)],
  }),
  hostLocal('two networks of a container', dual, {
    steps: [
      add,
      withKeys(add, { name: 'net2' }),
      del,
      withKeys(check, { name: 'net2', prevResult: undefined }),
    ],
  }),
  hostLocal('DEL of what was never added', dual, {
    steps: [del, check, container('c9', del)],
    differs: ['no-folder'],
  }),
  hostLocal('DEL of another container', dual, {
    steps: [add, container('c2', del), container('c2', check), check],
  }),
  hostLocal('CHECK after DEL', dual, { steps: [add, del, check] }),
  hostLocal('CHECK and DEL without prevResult', dual, {
    steps: [add, check, del].map((call) => withKeys(call, { prevResult: undefined })),
  }),
  hostLocal(
    'DNS of a resolv.conf',
    { subnet: v4, resolvConf: '$DIR/resolv.conf' },
    { files: { 'resolv.conf': resolvConf }, differs: ['sorted-keys'] },
  ),
  hostLocal(
    'an empty resolv.conf',
    { subnet: v4, resolvConf: '$DIR/resolv.conf' },
    { files: { 'resolv.conf': '' } },
  ),
  hostLocal('resolvConf is empty', { subnet: v4, resolvConf: '' }),
  hostLocal('routes', {
    subnet: v4,
    routes: [
      { dst: '0.0.0.0/0' },
      { dst: '10.96.0.1/12', gw: '10.1.2.9' },
      { dst: 'FD01::/64', gw: '' },
      { dst: '192.168.0.0/16', gw: 'fd00::1' },
    ],
  }),
  hostLocal(
    'routes with more keys',
    {
      subnet: v4,
      routes: [{ dst: '10.96.0.0/12', mtu: 1400, advmss: 1360, priority: 5, table: 7, scope: 0 }],
    },
    { differs: ['route-keys'] },
  ),
  hostLocal(
    'a folder of its own for each network',
    { subnet: v4, dataDir: '$DIR/networks/below' },
    { differs: ['file-mode-below', 'sandbox-link-below'] },
  ),
  hostLocal('a dataDir with a slash at its end', { subnet: v4, dataDir: '$DIR/networks/' }),
  hostLocal(
    'an address of an old version',
    { subnet: v4 },
    {
      files: { [`${net1}/10.1.2.2`]: 'c1', [`${net1}/10.1.2.3`]: 'c2\n' },
      steps: [check, add, container('c2', check), container('c3', add), del, container('c2', del)],
    },
  ),
  hostLocal(
    'white space around an owner',
    { subnet: v4 },
    {
      files: { [`${net1}/10.1.2.2`]: '  c1\r\neth0 \n' },
      steps: [check, add, del, add],
    },
  ),
  hostLocal(
    'an address of another container',
    { subnet: v4 },
    {
      files: { [`${net1}/10.1.2.2`]: 'other\r\neth0' },
      steps: [add, check, del],
    },
  ),
  hostLocal(
    'a last address outside of the range',
    { subnet: v4 },
    {
      files: { [`${net1}/last_reserved_ip.0`]: '10.9.9.9' },
      steps: [add],
    },
  ),
  hostLocal(
    'a last address at the end of the range',
    { subnet: v4 },
    {
      files: { [`${net1}/last_reserved_ip.0`]: '10.1.2.254' },
      steps: [add],
    },
  ),
  hostLocal(
    'a garbled last address',
    { subnet: v4 },
    {
      files: { [`${net1}/last_reserved_ip.0`]: 'garbled' },
      steps: [add, container('c2', add)],
    },
  ),
  hostLocal(
    'an empty address file',
    { subnet: v4 },
    {
      files: { [`${net1}/10.1.2.2`]: '' },
      steps: [add, check, del],
      differs: ['garbled-file'],
    },
  ),
  hostLocal(
    'files of others in the folder',
    { subnet: v4 },
    {
      files: { [`${net1}/README`]: 'text', [`${net1}/deeper/file`]: 'text' },
    },
  ),
  hostLocal(
    'other ranges at CHECK and DEL',
    { subnet: v4 },
    {
      steps: [
        add,
        ...[check, del].map((call) =>
          withKeys(call, {
            ipam: { type: 'host-local', dataDir: '$DIR/networks', subnet: '10.7.7.0/24' },
          }),
        ),
      ],
    },
  ),
  hostLocal(
    'the second set is exhausted',
    { ranges: [[{ subnet: v4 }], [{ subnet: 'fd00::/126', rangeEnd: 'fd00::2' }]] },
    {
      steps: [add, container('c2', add), container('c2', check)],
      differs: ['try-again', 'undone-reservation'],
    },
  ),
  hostLocal(
    'the lock of a process that is gone',
    { subnet: v4 },
    {
      steps: [
        shell(
          'mkdir -p "$DIR/networks/net1"; : > "$DIR/networks/net1/lock"; chmod 600 "$DIR/networks/net1/lock"',
        ),
        add,
        del,
      ],
    },
  ),
]
