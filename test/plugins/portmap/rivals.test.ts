import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readBootId } from '../../../lib/linux/boot.ts'
import { parseMapping } from '../../../plugins/portmap/mapping.ts'
import { identifyNetns } from '../../../lib/linux/netns-id.ts'
import type { RecordedAttachment } from '../../../plugins/portmap/records.ts'
import { departedOwners, departedRivals } from '../../../plugins/portmap/rivals.ts'
import { contextOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const alive = '/proc/self/ns/net'
const context = contextOf()
const bootId = readBootId(context.log)
const around = (...known: RecordedAttachment[]) => ({ known, dataDir: '/data', context })

function attachment(containerId: string, hostPort: number, keys: object = {}): RecordedAttachment {
  return {
    ...{ network: 'net1', containerId, ifName: 'eth0', netns: alive },
    ...{ netnsId: identifyNetns(alive), bootId },
    ...{ backend: 'nftables', isConditional: false, addresses: [] },
    mappings: [parseMapping({ hostPort, containerPort: 80, protocol: 'tcp' }, '')],
    ...keys,
  }
}

const device = statSync(alive).dev
/** Of a namespace that is not there. */
const gone = { netnsId: `${device}:1` }
const wanted = attachment('c1', 80)
const departed = (...known: RecordedAttachment[]) =>
  departedRivals(wanted, around(...known)).map(({ containerId }) => containerId)
const refused = (...known: RecordedAttachment[]) => thrown(() => departed(...known))

t.test('a port of a container that is there', async (t) => {
  const error = refused(attachment('c2', 80))
  t.equal(error.code, 11)
  t.equal(error.message, 'host port 80/tcp is already taken by another pod')
  t.equal(
    error.details,
    `container c2 on network net1 has it, and its sandbox ${alive} exists; remove that pod, or ` +
      'choose another hostPort',
  )
})

t.test('ports of containers that are gone', async (t) => {
  const others = [
    attachment('c2', 80, gone),
    attachment('c3', 81, gone),
    attachment('c4', 80, { ...gone, netns: '/nowhere' }),
    attachment('c5', 80, { bootId: 'another' }),
    attachment('c6', 80, { bootId: 'another', netnsId: '' }),
  ]
  t.strictSame(departed(...others), ['c2', 'c4', 'c5', 'c6'])
  t.equal(refused(...others, attachment('c7', 80)).code, 11)
})

t.test('ports of containers that are not known to be gone', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  const unseen: [keys: object, text: string][] = [
    [{ netnsId: '' }, `its sandbox ${alive} cannot be seen, but may exist`],
    [{ netns: '/no/where' }, 'its sandbox /no/where cannot be seen, but may exist'],
    [{ netns: file }, `its sandbox ${file} cannot be seen, but may exist`],
    [{ bootId: '', netns: '/no/where' }, 'its sandbox /no/where cannot be seen, but may exist'],
  ]
  for (const [keys, text] of unseen) {
    const { code, details } = refused(attachment('c2', 80, keys))
    t.equal(code, 11)
    t.equal(
      details,
      `container c2 on network net1 has it, and ${text}; remove that pod, or choose another ` +
        'hostPort; if crictl pods -q does not list it, remove its rules: echo ' +
        '\'{"cniVersion":"1.0.0","name":"net1","type":"portmap","dataDir":"/data","runtimeConfig":' +
        '{"portMappings":[{"protocol":"tcp","hostPort":80,"containerPort":80}]}}\' | ' +
        'CNI_COMMAND=DEL CNI_CONTAINERID=c2 CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin ' +
        '/opt/cni/bin/portmap',
    )
  }
  const { details } = refused(attachment('c2', 80, { netns: '/nowhere' }))
  t.match(details, ' and processes are in its sandbox, which was /nowhere; remove that pod')
})

t.test('no rivals', async (t) => {
  const others = [
    attachment('c1', 80, { ifName: 'eth1' }),
    attachment('c2', 81),
    attachment('c3', 80, { network: 'net2', isConditional: true }),
  ]
  t.strictSame(departed(...others), [])
  const conditional = { ...wanted, isConditional: true }
  const elsewhere = attachment('c4', 80, { network: 'net2' })
  t.strictSame(departedRivals(conditional, around(elsewhere)), [])
  t.equal(thrown(() => departedRivals(conditional, around(attachment('c5', 80)))).code, 11)
})

t.test('rules that there is no record of', async (t) => {
  const claim = (containerId: string, hostPort: number) =>
    ({ owner: { containerId }, protocol: 'tcp', hostPort }) as const
  const known = around(attachment('c3', 443))
  const others = [claim('c1', 80), claim('c3', 80), claim('c4', 81)]
  t.strictSame(departedOwners(wanted, others, known), [])
  const { code, details } = thrown(() => departedOwners(wanted, [claim("c'2", 80)], known))
  t.equal(code, 11)
  t.match(details, "container c'2 has it, and nothing here tells whether its sandbox exists; ")
  t.match(details, '"name":"any"')
  t.match(details, "CNI_CONTAINERID='c'\\''2' CNI_IFNAME=eth0 ")
})
