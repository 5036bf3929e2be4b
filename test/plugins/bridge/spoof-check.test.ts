import t from 'tap'
import { nftJson } from '../../../lib/firewall/nft-json-write.ts'
import type { ListedRule } from '../../../lib/firewall/rule.ts'
import { setUpChanges, spoofCheckId, tearDownChanges } from '../../../plugins/bridge/spoof-check.ts'
import { listedByNft } from '../../support/listed-rule.ts'

const id = 'c1-eth0'
const mac = '0a:58:0a:f4:01:02'
const [ports, macs] = ['cni-br-iface-c1-eth0', 'cni-br-iface-c1-eth0-mac']
const table = { family: 'bridge', table: 'nat' }
const comment = 'macspoofchk-c1-eth0'

const own = [
  listedByNft('PREROUTING', [], comment, 5),
  listedByNft(ports, [], comment, 6),
  listedByNft(macs, [], comment, 7),
]

const place = { family: 'bridge', name: 'nat' } as const
const setUpCommands = (...args: [string, string, string, readonly ListedRule[]]) =>
  nftJson([{ table: place, changes: setUpChanges(...args) }])
const tearDownCommands = (...args: [string, readonly ListedRule[]]) =>
  nftJson([{ table: place, changes: tearDownChanges(...args) }])

t.test('an attachment is named by container and interface', async (t) => {
  t.equal(spoofCheckId({ containerId: 'c1', ifName: 'eth0' }), id)
})

t.test('one transaction sets the check up', async (t) => {
  t.strictSame(setUpCommands(id, 'veth0', mac, []), [
    { add: { table: { family: 'bridge', name: 'nat' } } },
    {
      add: {
        chain: {
          ...table,
          name: 'PREROUTING',
          type: 'filter',
          hook: 'prerouting',
          prio: -300,
          policy: 'accept',
        },
      },
    },
    { add: { chain: { ...table, name: ports } } },
    { add: { chain: { ...table, name: macs } } },
    { flush: { chain: { ...table, name: ports } } },
    { flush: { chain: { ...table, name: macs } } },
    {
      add: {
        rule: {
          ...table,
          chain: 'PREROUTING',
          expr: [
            { match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'veth0' } },
            { jump: { target: ports } },
          ],
          comment,
        },
      },
    },
    { add: { rule: { ...table, chain: ports, expr: [{ jump: { target: macs } }], comment } } },
    {
      add: {
        rule: {
          ...table,
          chain: macs,
          expr: [
            {
              match: {
                op: '==',
                left: { payload: { protocol: 'ether', field: 'saddr' } },
                right: mac,
              },
            },
            { return: null },
          ],
          comment,
        },
      },
    },
    { add: { rule: { ...table, chain: macs, expr: [{ drop: null }], comment } } },
  ])
})

t.test('the same transaction replaces what leads to the chains of an earlier ADD', async (t) => {
  const commands = setUpCommands(id, 'veth0', mac, own)
  const [deletion] = commands.slice(4, 5)
  t.strictSame(deletion, { delete: { rule: { ...table, chain: 'PREROUTING', handle: 5 } } })
  t.equal(commands.length, setUpCommands(id, 'veth0', mac, []).length + 1)
})

t.test('one transaction takes the check back', async (t) => {
  t.strictSame(tearDownCommands(id, own), [
    { delete: { rule: { ...table, chain: 'PREROUTING', handle: 5 } } },
    { add: { chain: { ...table, name: ports } } },
    { add: { chain: { ...table, name: macs } } },
    { flush: { chain: { ...table, name: ports } } },
    { flush: { chain: { ...table, name: macs } } },
    { delete: { chain: { ...table, name: ports } } },
    { delete: { chain: { ...table, name: macs } } },
  ])
})
