import { mkdirSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listStores } from '../../../commands/node/reservations.ts'
import { contextOf } from '../../support/request.ts'

t.test('reads what host-local writes', async (t) => {
  const dir = t.testdir({
    cbr0: {
      '10.244.1.2': 'c1\r\neth0',
      'fd00::2': 'c1\r\neth0',
      '10.244.1.3': 'old\n',
      '10.244.1.4': '',
      'last_reserved_ip.0': '10.244.1.3',
      lock: '',
    },
    empty: {},
    'not-a-network': 'x',
  })
  mkdirSync(join(dir, 'cbr0/10.244.1.5'))
  symlinkSync('10.244.1.2', join(dir, 'cbr0/10.244.1.6'))
  for (const name of ['10.244.1.2', '10.244.1.3', 'fd00::2']) {
    utimesSync(join(dir, 'cbr0', name), 1, 1)
  }
  // What its link says of fd00::2 was written at another time, about another reservation.
  const addresses = { '10.244.1.2': 1000, 'fd00::2': 2000 }
  const link = { bootId: 'b', netns: '/run/netns/web', netnsInode: 7, addresses }
  symlinkSync(JSON.stringify(link), join(dir, 'cbr0/.c1 eth0'))
  const { log, warnings } = contextOf()
  const of = (address: string, containerId: string, ifName: string) => ({
    ...{ network: 'cbr0', address, containerId, ifName },
    netns: containerId === 'c1' && address === '10.244.1.2' ? '/run/netns/web' : '',
    machine: 'this' as const,
    since: 1000,
  })
  t.strictSame(listStores(dir, log), [
    {
      network: 'cbr0',
      reservations: [
        of('10.244.1.2', 'c1', 'eth0'),
        of('10.244.1.3', 'old', ''),
        of('fd00::2', 'c1', 'eth0'),
      ],
    },
    { network: 'empty', reservations: [] },
  ])
  t.strictSame(warnings, [])
  t.strictSame(listStores(join(dir, 'none'), log), [])
})
