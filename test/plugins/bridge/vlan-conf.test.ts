import t from 'tap'
import { parseBridgeConf } from '../../../plugins/bridge/conf.ts'
import { checkVlan, parseTrunk } from '../../../plugins/bridge/vlan-conf.ts'
import { requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

t.test('a VLAN is 0 to 4094, and 0 is none', async (t) => {
  t.equal(checkVlan(0), undefined)
  t.equal(checkVlan(1), 1)
  t.equal(checkVlan(4094), 4094)
  for (const id of [-1, 4095, 5000]) {
    t.match(
      thrown(() => parseBridgeConf(requestOf({ conf: { vlan: id } }))),
      {
        code: 7,
        message: `invalid VLAN ID ${id} (must be between 0 and 4094)`,
        details: 'at vlan in the network configuration; VLAN IDs are 1 to 4094',
      },
    )
  }
})

t.test('the VLANs of a trunk, sorted and each once', async (t) => {
  for (const [trunk, ids] of [
    [[], undefined],
    [[{}], undefined],
    [[{ id: 101 }], [101]],
    [
      [{ id: 4094 }, { id: 1 }],
      [1, 4094],
    ],
    [[{ minID: 10, maxID: 12 }], [10, 11, 12]],
    [[{ minID: 5, maxID: 5 }], [5]],
    [
      [{ minID: 10, maxID: 12 }, { id: 11 }, { id: 9, minID: 12, maxID: 14 }],
      [9, 10, 11, 12, 13, 14],
    ],
  ] as const) {
    t.strictSame(parseTrunk(trunk), ids)
  }
  t.equal(parseTrunk([{ minID: 1, maxID: 4094 }])?.length, 4094)
})

t.test('what is wrong with a trunk, and with which entry', async (t) => {
  const together = 'minID and maxID should be configured simultaneously'
  for (const [entry, message, details] of [
    [{ minID: 0, maxID: 5 }, 'incorrect trunk minID parameter', 'vlanTrunk.1.minID is 0'],
    [{ minID: -1, maxID: 5 }, 'incorrect trunk minID parameter', 'vlanTrunk.1.minID is -1'],
    [{ minID: 4095, maxID: 5 }, 'incorrect trunk minID parameter', 'vlanTrunk.1.minID is 4095'],
    [{ minID: 5, maxID: 4095 }, 'incorrect trunk maxID parameter', 'vlanTrunk.1.maxID is 4095'],
    [{ minID: 20, maxID: 10 }, 'minID is greater than maxID in trunk parameter', 'vlanTrunk.1'],
    [{ maxID: 5 }, `${together}, minID is missing`, 'vlanTrunk.1'],
    [{ minID: 5 }, `${together}, maxID is missing`, 'vlanTrunk.1'],
    [{ id: 0 }, 'incorrect trunk id parameter', 'vlanTrunk.1.id is 0'],
    [{ id: 4095 }, 'incorrect trunk id parameter', 'vlanTrunk.1.id is 4095'],
  ] as const) {
    const error = thrown(() =>
      parseBridgeConf(requestOf({ conf: { vlanTrunk: [{ id: 1 }, entry] } })),
    )
    t.match(error, { code: 7, message })
    t.equal(error.details, `at ${details} in the network configuration; VLAN IDs are 1 to 4094`)
  }
})
