import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CniError, DelegationError } from '../../../lib/cni/errors.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { delegateConf, FlannelFixture } from '../../support/flannel.ts'
import { thrown } from '../../support/thrown.ts'

const prevResult = {
  cniVersion: '1.1.0',
  ips: [{ address: '10.244.7.5/24', gateway: '10.244.7.1' }],
}

/** What is left to clean up with when subnet.env is gone. */
const cleanupConf = (subnet: string) =>
  '{"cniVersion":"1.1.0","hairpinMode":true,' +
  `"ipam":{"ranges":[[{"subnet":"${subnet}"}]],"routes":[],"type":"host-local"},` +
  '"isGateway":true,"name":"cbr0","type":"bridge"}'

/** A delegate configuration with prevResult at its end. */
const withPrevResult = (conf: string) =>
  `${conf.slice(0, -1)},"prevResult":${JSON.stringify(prevResult)}}`

t.test('replays what was saved, byte for byte, and removes it after that', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.add({ conf: { delegate: { type: 'ipvlan' }, ipam: { type: 'dhcp' } } })
  const { c1 = '' } = fixture.saved()
  fixture.delegate.take()
  fixture.delegate.behaviour = ({ request }) => {
    t.strictSame(fixture.saved(), { c1 })
    t.match(request, { containerId: 'c1', ifName: 'eth0', netns: '' })
    return emptyResult
  }
  rmSync(fixture.subnetFile)
  fixture.run('DEL', { netns: '' })
  t.strictSame(fixture.delegate.take(), [['DEL ipvlan', c1]])
  t.strictSame(fixture.saved(), {})
  t.strictSame(fixture.context.warnings, [])
})

t.test('keeps what was saved until the delegate has succeeded', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.add()
  fixture.delegate.take()
  const failure = new CniError(5, 'busy', 'in bridge')
  fixture.delegate.behaviour = () => {
    throw failure
  }
  t.equal(
    thrown(() => fixture.run('DEL')),
    failure,
  )
  t.strictSame(fixture.saved(), { c1: delegateConf })
  fixture.delegate.behaviour = () => emptyResult
  fixture.run('DEL')
  t.strictSame(fixture.delegate.take(), [
    ['DEL bridge', delegateConf],
    ['DEL bridge', delegateConf],
  ])
  t.strictSame(fixture.saved(), {})
})

t.test('a second DEL succeeds, and so does the first of an ADD that never was', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.run('DEL')
  fixture.add()
  fixture.run('DEL')
  fixture.run('DEL')
  const dels = fixture.delegate.take().filter(([call]) => call === 'DEL bridge')
  t.strictSame(
    dels,
    [delegateConf, delegateConf, delegateConf].map((stdin) => ['DEL bridge', stdin]),
    'all reach the delegate',
  )
})

for (const [what, spoil, warnings] of [
  ['missing', undefined, 0],
  ['empty', '', 1],
  ['garbled', '{"type":"brid', 1],
] as const) {
  const spoiled = (fixture: FlannelFixture) => {
    fixture.add({ conf: { delegate: { mtu: 9000 } } })
    fixture.delegate.take()
    if (spoil === undefined) rmSync(fixture.dataDir, { recursive: true })
    else fixture.spoil(spoil)
  }

  t.test(`saved file ${what}: rebuilt from the configuration and subnet.env`, async (t) => {
    const fixture = new FlannelFixture(t)
    spoiled(fixture)
    fixture.run('DEL')
    t.strictSame(fixture.delegate.take(), [['DEL bridge', delegateConf]])
    t.strictSame(fixture.saved(), {})
    t.equal(fixture.context.warnings.length, warnings, 'one line says so')
  })

  t.test(`saved file ${what} and no subnet.env: rebuilt from prevResult`, async (t) => {
    const fixture = new FlannelFixture(t)
    spoiled(fixture)
    rmSync(fixture.subnetFile)
    fixture.run('DEL', { conf: { prevResult } })
    const expected = withPrevResult(cleanupConf('10.244.7.0/24'))
    t.strictSame(fixture.delegate.take(), [['DEL bridge', expected]])
    t.strictSame(fixture.saved(), {})
  })

  t.test(`saved file ${what}, no subnet.env, no prevResult: the delegate finds out`, async (t) => {
    const fixture = new FlannelFixture(t)
    spoiled(fixture)
    writeFileSync(fixture.subnetFile, 'FLANNEL_MTU')
    fixture.run('DEL')
    t.strictSame(fixture.delegate.take(), [['DEL bridge', cleanupConf('192.0.2.0/24')]])
    t.equal(fixture.context.warnings.length, warnings)
  })
}

t.test('passes prevResult on, with the version that it is in', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.add({ conf: { cniVersion: '0.3.1' }, configuredVersion: '0.3.1' })
  fixture.delegate.take()
  fixture.run('DEL', { conf: { prevResult } })
  t.strictSame(fixture.delegate.take(), [['DEL bridge', withPrevResult(delegateConf)]])
})

t.test('a prevResult that is none does not stop it', async (t) => {
  const fixture = new FlannelFixture(t)
  rmSync(fixture.subnetFile)
  fixture.run('DEL', { conf: { prevResult: { cniVersion: '0.2.0' } } })
  t.match(fixture.delegate.take(), [['DEL bridge', '192.0.2.0/24']])
  t.match(fixture.context.warnings, [/^going on without prevResult: could not parse/])
})

for (const conf of [
  { delegate: { type: 5 } },
  { delegate: { name: 'x', ipam: {} } },
  { delegate: { type: 'flannel' } },
  { delegate: [] },
  { subnetFile: {}, ipam: 5 },
  { ipam: { routes: [{ dst: 'x' }] } },
]) {
  t.test(`cleans up although no ADD can have worked with ${JSON.stringify(conf)}`, async (t) => {
    const fixture = new FlannelFixture(t)
    fixture.run('DEL', { conf })
    const [[call, stdin] = ['', '{}']] = fixture.delegate.take()
    t.equal(call, 'DEL bridge')
    t.match(JSON.parse(stdin), { name: 'cbr0', type: 'bridge', ipam: { type: 'host-local' } })
  })
}

for (const failure of [
  new DelegationError(999, 'failed to find plugin "bridge" in path [/bin]'),
  new CniError(999, 'failed to find plugin "dhcp" in path [/bin]', 'in bridge'),
  new CniError(7, 'mtu must be integer', 'in bridge'),
  new CniError(1, 'incompatible CNI versions', 'in bridge'),
]) {
  const { message } = failure
  const setUp = (t: Test) => {
    const fixture = new FlannelFixture(t)
    fixture.delegate.behaviour = () => {
      throw failure
    }
    return fixture
  }

  t.test(`${message}: no ADD can have worked, so there is nothing to remove`, async (t) => {
    const fixture = setUp(t)
    fixture.run('DEL')
    t.match(fixture.context.warnings, [/^nothing can have been added, and nothing is removed: /])
    t.match(fixture.context.warnings[0], message)
  })

  t.test(`${message}: is to be tried again when an ADD has worked`, async (t) => {
    const fixture = setUp(t)
    const error = thrown(() => fixture.run('DEL', { conf: { prevResult } }))
    t.equal(error, failure, 'it has a result')
    fixture.delegate.behaviour = () => emptyResult
    fixture.add()
    fixture.delegate.behaviour = () => {
      throw failure
    }
    const again = thrown(() => fixture.run('DEL'))
    t.match(again, { code: failure.code, message }, 'its configuration is saved')
    t.strictSame(fixture.saved(), { c1: delegateConf })
    const isOurs = failure instanceof DelegationError
    t.equal(again.details.includes(`${join(fixture.dataDir, 'c1')} says that bridge made`), isOurs)
  })
}

t.test('a delegate that fails otherwise is to be tried again', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.delegate.behaviour = () => {
    throw new CniError(11, 'busy', 'in bridge')
  }
  t.equal(thrown(() => fixture.run('DEL')).code, 11)
})

t.test('two interfaces of one pod, in both orders', async (t) => {
  for (const order of [
    ['eth0', 'net1'],
    ['net1', 'eth0'],
  ]) {
    const fixture = new FlannelFixture(t)
    fixture.add({ ifName: 'eth0' })
    fixture.add({ ifName: 'net1', conf: { delegate: { type: 'ipvlan' } } })
    fixture.delegate.take()
    rmSync(fixture.subnetFile)
    for (const ifName of order) fixture.run('DEL', { ifName })
    const types = order.map((ifName) => (ifName === 'eth0' ? 'DEL bridge' : 'DEL ipvlan'))
    t.strictSame(
      fixture.delegate.take().map(([call]) => call),
      types,
    )
    t.strictSame(fixture.saved(), {})
  }
})
