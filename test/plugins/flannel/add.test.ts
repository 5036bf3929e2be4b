import { rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { CniError, DelegationError } from '../../../lib/cni/errors.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { delegateConf, FlannelFixture } from '../../support/flannel.ts'
import { resultOf } from '../../support/result.ts'
import { thrown } from '../../support/thrown.ts'

t.test('saves the configuration, then delegates with it, and adds nothing', async (t) => {
  const fixture = new FlannelFixture(t)
  const result = resultOf({ ips: [{ address: '10.244.1.2/24' }], dns: { domain: 'x' } })
  fixture.delegate.behaviour = ({ request }) => {
    t.strictSame(fixture.saved(), { c1: delegateConf })
    t.match(request, { containerId: 'c1', ifName: 'eth0', args: 'K=V', path: '/opt/cni/bin' })
    return result
  }
  t.equal(fixture.add({ args: 'K=V' }), result)
  t.strictSame(fixture.delegate.take(), [['ADD bridge', delegateConf]])
  t.strictSame(fixture.saved(), { c1: delegateConf })
  t.strictSame(fixture.context.warnings, [], 'and says nothing')
})

t.test('a second interface does not overwrite what is saved of the first', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.add()
  fixture.add({ ifName: 'net1', conf: { delegate: { type: 'ipvlan' } } })
  t.equal(fixture.saved()['c1'], delegateConf)
  t.match(fixture.saved()['c1:net1'], '"type":"ipvlan"')
})

t.test('a failed ADD leaves nothing, and its error is the delegate’s', async (t) => {
  const fixture = new FlannelFixture(t)
  const failure = new CniError(1234, 'no address', 'in host-local')
  fixture.delegate.behaviour = () => {
    throw failure
  }
  t.equal(
    thrown(() => fixture.add()),
    failure,
  )
  t.strictSame(fixture.saved(), {})
})

t.test('says when it is the delegation that failed', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.delegate.behaviour = () => {
    throw new DelegationError(999, 'failed to find plugin "bridge" in path [/bin]', 'install it')
  }
  const { code, message, details } = thrown(() => fixture.add())
  t.equal(message, 'failed to delegate add: failed to find plugin "bridge" in path [/bin]')
  t.strictSame([code, details], [999, 'install it'])
  t.strictSame(fixture.saved(), {})
})

t.test('a failed ADD of an attachment that exists keeps what is saved of it', async (t) => {
  const fixture = new FlannelFixture(t)
  fixture.add()
  fixture.delegate.behaviour = () => {
    throw new CniError(999, 'already exists')
  }
  thrown(() => fixture.add({ conf: { delegate: { type: 'ipvlan' } } }))
  t.strictSame(fixture.saved(), { c1: delegateConf })
})

for (const conf of [
  { delegate: { name: 'x' } },
  { delegate: { type: 'flannel' } },
  { delegate: [] },
  { ipam: { routes: [{ dst: 'x' }] } },
  { dataDir: 5 },
]) {
  t.test(`does nothing with ${JSON.stringify(conf)}`, async (t) => {
    const fixture = new FlannelFixture(t)
    t.equal(thrown(() => fixture.add({ conf })).code, 7)
    t.strictSame(fixture.delegate.calls, [])
    t.strictSame(fixture.saved(), {})
  })
}

t.test('does not delegate what it cannot save', async (t) => {
  const fixture = new FlannelFixture(t)
  const { code, details } = thrown(() => fixture.add({ conf: { dataDir: fixture.subnetFile } }))
  t.equal(code, 5)
  t.match(details, /"dataDir" chooses another one$/)
  t.strictSame(fixture.delegate.calls, [])
})

t.test('without subnet.env: what is missing, who writes it, how to look at that', async (t) => {
  const fixture = new FlannelFixture(t)
  const { subnetFile } = fixture
  rmSync(subnetFile)
  const { code, message, details } = thrown(() => fixture.add())
  t.equal(code, 11, 'try again later')
  t.equal(
    message,
    `failed to load flannel 'subnet.env' file: open ${subnetFile}: no such file or directory. ` +
      'Check the flannel pod log for this node.',
  )
  t.match(details, `flanneld writes ${subnetFile} once it has a lease for this node`)
  t.match(details, 'kubectl -n kube-flannel get pods -o wide')
  t.match(details, 'kubectl -n kube-flannel logs')
  t.match(details, 'If flannel was uninstalled, remove its conflist')
  t.strictSame(fixture.delegate.calls, [])
})

const wrapped = (problem: string) =>
  `failed to load flannel 'subnet.env' file: ${problem}. Check the flannel pod log for this node.`

t.test('an incomplete subnet.env', async (t) => {
  const fixture = new FlannelFixture(t)
  writeFileSync(fixture.subnetFile, 'FLANNEL_MTU=1450\nFLANNEL_SUBNET=10.244.1.1/24\n')
  const { code, message, details } = thrown(() => fixture.add())
  const missing = 'FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_IPMASQ'
  t.equal(message, wrapped(`${fixture.subnetFile} is missing ${missing}`))
  t.equal(code, 11)
  t.match(details, 'this one is incomplete')
})

t.test('a malformed subnet.env is judged before the rest of the configuration', async (t) => {
  const fixture = new FlannelFixture(t)
  writeFileSync(fixture.subnetFile, 'FLANNEL_MTU\n')
  const { code, message } = thrown(() => fixture.add({ conf: { delegate: { name: 'x' } } }))
  t.equal(message, wrapped(`${fixture.subnetFile}: line 1: FLANNEL_MTU has no "="`))
  t.equal(code, 999)
})

t.test('no file in place of subnet.env makes it wait', async (t) => {
  const fixture = new FlannelFixture(t)
  const { subnetFile } = fixture
  const refused = (problem: string) => {
    const { code, message, details } = thrown(() => fixture.add())
    t.equal(message, wrapped(`read ${subnetFile}: ${problem}`))
    t.equal(code, 999)
    t.equal(details, `${subnetFile} must be a readable file, which flanneld writes`)
  }
  rmSync(subnetFile)
  runSync(['mkfifo', subnetFile])
  refused('not a regular file')
  rmSync(subnetFile)
  runSync(['mkdir', subnetFile])
  refused('is a directory')
  const inFile = thrown(() => fixture.add({ conf: { subnetFile: `${import.meta.filename}/x` } }))
  t.equal(inFile.code, 11, 'nor does a folder that is missing')
  t.match(inFile.message, `open ${dirname(`${import.meta.filename}/x`)}/x: not a directory`)
})
