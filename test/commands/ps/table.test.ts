import t from 'tap'
import { formatAge, formatTable } from '../../../commands/ps/table.ts'
import { attachmentOf, reservationOf } from '../node/attachment.ts'

const portMappings = [
  { hostPort: 8080, containerPort: 80, protocol: 'TCP', hostIP: '0.0.0.0' },
  { hostPort: 53, containerPort: 53, protocol: 'udp', hostIP: 'fd00::1' },
  { HostPort: 81, ContainerPort: 8081, Protocol: 'tcp', HostIP: '' }, // as containerd keeps it
  { hostPort: 'x' },
  { hostPort: 82, containerPort: 82, protocol: 'icmp' },
  null,
]

t.test('a line for each', async (t) => {
  const args = [
    ['K8S_POD_NAMESPACE', 'default'],
    ['K8S_POD_NAME', 'web'],
  ] as const
  const web = attachmentOf({ args, capabilityArgs: { portMappings }, containerId: 'a'.repeat(64) })
  const leak = attachmentOf({
    ...{ netns: '', result: undefined, port: undefined, since: undefined },
    reservations: [reservationOf(), reservationOf({ address: 'fd00::2' })],
  })
  const rows = [
    { ...web, problem: '' },
    { ...leak, problem: 'nothing but its address is left' },
  ]
  const lines = formatTable(rows, 61_000 + 1000).split('\n')
  t.strictSame(
    lines.map((line) => line.split(/ {2,}/)),
    [
      [
        ...['POD', 'CONTAINER', 'NETWORK', 'INTERFACE', 'NETNS', 'HOST VETH', 'ADDRESSES'],
        ...['HOST PORTS', 'AGE', 'STATE'],
      ],
      [
        ...['default/web', 'aaaaaaaaaaaaa', 'cbr0', 'eth0', 'web', 'veth1', '10.244.1.2/24'],
        ...['8080->80/tcp,[fd00::1]:53->53/udp,81->8081/tcp', '61s', 'ok'],
      ],
      [
        ...['-', 'c1', 'cbr0', 'eth0', '-', '-', '10.244.1.2,fd00::2', '-', '-'],
        'nothing but its address is left',
      ],
      [''],
    ],
  )
})

t.test('no control character reaches the terminal', async (t) => {
  const rows = [{ ...attachmentOf({ containerId: 'a\x1b[2J' }), problem: '' }]
  t.match(formatTable(rows, 0), 'a?[2J')
})

t.test('ages as kubectl has them', async (t) => {
  const ages = [-5, 0, 119, 120, 7199, 7200, 172_799, 172_800].map((s) => formatAge(s * 1000))
  t.strictSame(ages, ['0s', '0s', '119s', '2m', '119m', '2h', '47h', '2d'])
})
