import t from 'tap'
import { formatJson } from '../../../commands/ps/json.ts'
import { usage } from '../../../commands/usage.ts'
import { attachmentOf } from '../node/attachment.ts'

const args = [
  ['K8S_POD_NAMESPACE', 'default'],
  ['K8S_POD_NAME', 'web'],
] as const
const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]

t.test('every key is always there', async (t) => {
  const known = attachmentOf({ args, capabilityArgs: { portMappings } })
  const unknown = attachmentOf({
    ...{ netns: '', result: undefined, reservations: [], port: undefined, since: undefined },
  })
  const rows = [
    { ...known, problem: '' },
    { ...unknown, problem: 'eth0 is gone' },
  ]
  const [first, second] = JSON.parse(formatJson(rows))
  t.strictSame(first, {
    pod: { namespace: 'default', name: 'web' },
    containerId: 'c1',
    network: 'cbr0',
    ifName: 'eth0',
    netns: '/run/netns/web',
    hostVeth: 'veth1',
    addresses: ['10.244.1.2/24'],
    hostPorts: [{ hostIP: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    since: '1970-01-01T00:00:01.000Z',
    healthy: true,
    problem: null,
  })
  t.strictSame(second, {
    ...first,
    ...{ pod: null, netns: null, hostVeth: null, addresses: [], hostPorts: [], since: null },
    ...{ healthy: false, problem: 'eth0 is gone' },
  })
  const described = usage.slice(usage.indexOf('ps --json prints'))
  for (const key of Object.keys(first)) t.match(described, new RegExp(`\\b${key}\\b`), key)
})

t.test('no attachment is an empty list', async (t) => {
  t.equal(formatJson([]), '[]\n')
})
