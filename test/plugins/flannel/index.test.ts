import { rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import { delegateConf, FlannelFixture } from '../../support/flannel.ts'
import type { RecordingDelegate } from '../../support/recording-delegate.ts'
import { thrown } from '../../support/thrown.ts'

const prevResult = { cniVersion: '1.1.0', ips: [{ address: '10.244.1.2/24' }] }
const withPrevResult = `${delegateConf.slice(0, -1)},"prevResult":${JSON.stringify(prevResult)}}`

/** Lets every call of a delegate fail with this error. */
function failWith(delegate: RecordingDelegate, failure: CniError): void {
  delegate.behaviour = () => {
    throw failure
  }
}

t.test('CHECK asks the delegate with what was saved, and keeps that', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.add({ conf: { cniVersion: '0.3.1' }, configuredVersion: '0.3.1' })
  fixture.delegate.take()
  const saved = fixture.saved()
  rmSync(fixture.subnetFile)
  fixture.run('CHECK', { conf: { prevResult } })
  t.strictSame(fixture.delegate.take(), [['CHECK bridge', withPrevResult]])
  t.strictSame(fixture.saved(), saved)
})

t.test('CHECK without what was saved asks with what an ADD would have', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.run('CHECK', { conf: { prevResult } })
  t.strictSame(fixture.delegate.take(), [['CHECK bridge', withPrevResult]])
  t.strictSame(fixture.saved(), {})
  rmSync(fixture.subnetFile)
  t.equal(thrown(() => fixture.run('CHECK', { conf: { prevResult } })).code, 11)
  t.equal(thrown(() => fixture.run('CHECK', { conf: { dataDir: 5 } })).code, 7)
})

t.test('CHECK fails with the error of the delegate', async (t) => {
  const fixture = new FlannelFixture(t)
  const failure = new CniError(999, 'Interface eth0 has MTU 1400', 'in bridge')
  failWith(fixture.delegate, failure)
  t.equal(
    thrown(() => fixture.run('CHECK')),
    failure,
  )
})

t.test('STATUS asks the delegate with what an ADD would have', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.run('STATUS', { containerId: '', ifName: '' })
  t.strictSame(fixture.delegate.take(), [['STATUS bridge', delegateConf]])
  t.strictSame(fixture.saved(), {}, 'and saves nothing')
})

for (const [what, text, message] of [
  ['missing', undefined, 'no such file or directory'],
  ['incomplete', 'FLANNEL_MTU=1450\n', 'is missing FLANNEL_NETWORK'],
  ['malformed', 'FLANNEL_MTU\n', 'line 1: FLANNEL_MTU has no "="'],
] as const) {
  t.test(`STATUS is 50 when subnet.env is ${what}, with the reason`, async (t) => {
    const fixture = new FlannelFixture(t)
    if (text === undefined) rmSync(fixture.subnetFile)
    else writeFileSync(fixture.subnetFile, text)
    const error = thrown(() => fixture.run('STATUS'))
    t.equal(error.code, 50)
    t.match(error.message, /^failed to load flannel 'subnet\.env' file: /)
    t.match(error.message, message)
    t.match(error.details, 'flanneld')
    t.strictSame(fixture.delegate.calls, [])
  })
}

for (const [code, expected] of [
  [999, 50],
  [0, 50],
  [1, 50],
  [50, 50],
  [51, 51],
  [7, 7],
] as const) {
  t.test(`STATUS is ${expected} when the delegate fails with ${code}`, async (t) => {
    const fixture = new FlannelFixture(t)
    failWith(fixture.delegate, new CniError(code, 'failed to find plugin', 'install it'))
    t.match(
      thrown(() => fixture.run('STATUS')),
      { code: expected, message: 'failed to find plugin', details: 'install it' },
    )
  })
}

t.test('STATUS is no failure when the delegate is only to be asked again', async (t) => {
  const fixture = new FlannelFixture(t)
  failWith(fixture.delegate, new CniError(11, 'the lock is held', 'in host-local'))
  fixture.run('STATUS')
  t.strictSame(fixture.context.warnings, [
    'ready, although there is trouble that passes: the lock is held; in host-local',
  ])
})

for (const conf of [{ delegate: { ipam: {} } }, { delegate: 5 }, { ipam: { routes: [1] } }]) {
  t.test(`STATUS calls a wrong configuration one: ${JSON.stringify(conf)}`, async (t) => {
    const fixture = new FlannelFixture(t)
    t.equal(thrown(() => fixture.run('STATUS', { conf })).code, 7)
    t.strictSame(fixture.delegate.calls, [])
  })
}

const valid = [{ containerID: 'c1', ifname: 'eth0' }]

t.test('GC sweeps, and forwards the attachments under both their names', async (t) => {
  const fixture = new FlannelFixture(t)
  for (const containerId of ['c1', 'c2']) fixture.add({ containerId })
  fixture.add({ containerId: 'c3', conf: { name: 'other' } })
  fixture.delegate.take()
  const lists = { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid }
  fixture.run('GC', { conf: lists })
  const expected = `${delegateConf.slice(0, -1)},${JSON.stringify(lists).slice(1)}`
  t.strictSame(fixture.delegate.take(), [['GC bridge', expected]])
  t.strictSame(Object.keys(fixture.saved()), ['c1', 'c3'])
})

t.test('GC takes either name, and does without subnet.env', async (t) => {
  for (const key of ['cni.dev/valid-attachments', 'cni.dev/attachments']) {
    const fixture = new FlannelFixture(t)
    fixture.add()
    fixture.delegate.take()
    rmSync(fixture.subnetFile)
    fixture.run('GC', { conf: { [key]: [] } })
    const [[call, stdin] = ['', '{}']] = fixture.delegate.take()
    t.equal(call, 'GC bridge')
    t.strictSame(JSON.parse(stdin)[key], [])
    t.strictSame(fixture.saved(), {})
  }
})

t.test('GC without a list of what is valid removes nothing', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.add()
  fixture.delegate.take()
  t.equal(thrown(() => fixture.run('GC')).code, 7)
  t.strictSame(fixture.delegate.calls, [])
  t.strictSame(fixture.saved(), { c1: delegateConf })
})

t.test('GC goes on past a delegate that fails', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.add()
  const failure = new CniError(999, 'busy')
  failWith(fixture.delegate, failure)
  const error = thrown(() => fixture.run('GC', { conf: { 'cni.dev/valid-attachments': [] } }))
  t.equal(error, failure)
  t.strictSame(fixture.saved(), {})
})
