import t from 'tap'
import { addAndDelCalls, addCalls, delCalls, delOfNothing } from '../../../scripts/bench/calls.ts'
import { reference } from '../../../scripts/bench/contestants.ts'
import { base } from '../../../scripts/bench/scenario.ts'

const flannel = { ...reference, name: 'flannel', binDir: '/bin', plugin: 'flannel' } as const
const settings = { contestant: flannel, scenario: base, dir: '/d', socket: '/s' }
const withPort = { ...settings, scenario: { ...base, hostPorts: 1 } } as const
const pod = { containerId: 'c', netns: '/run/netns/c', hostPort: 20_000 }

t.test('an ADD as a runtime makes it', async (t) => {
  const [step] = addCalls(settings, pod)
  t.match(step, {
    file: '/bin/flannel',
    env: {
      ...{ CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c', CNI_NETNS: '/run/netns/c' },
      ...{ CNI_IFNAME: 'eth0', CNI_PATH: '/bin', FLANNEL_CNI_SOCKET: '/s' },
    },
    after: '',
  })
  t.match(JSON.parse(step?.before ?? ''), { type: 'flannel', subnetFile: '/d/subnet.env' })
})

t.test('bridge gets what flannel delegates', async (t) => {
  const [step] = addCalls({ ...settings, contestant: { ...flannel, plugin: 'bridge' } }, pod)
  t.equal(
    step?.before,
    '{"cniVersion":"1.0.0","hairpinMode":true,"ipMasq":false,"ipam":{"dataDir":"/d/networks",' +
      '"ranges":[[{"subnet":"10.244.0.0/20"}]],"routes":[{"dst":"10.244.0.0/16"}],' +
      '"type":"host-local"},"isDefaultGateway":true,"isGateway":true,"mtu":1450,"name":"cbr0",' +
      '"type":"bridge"}',
  )
})

t.test('a chain goes forth and back with its result', async (t) => {
  const add = addCalls(withPort, pod)
  t.strictSame(
    add.map(({ file }) => file),
    ['/bin/flannel', '/bin/portmap'],
  )
  const { before = '', after = '' } = add[1] ?? {}
  t.match(JSON.parse(`${before}{"ips":[]}${after}`), {
    type: 'portmap',
    runtimeConfig: { portMappings: [{ hostPort: 20_000 }] },
    prevResult: { ips: [] },
  })
  const del = delCalls(withPort, pod, '{"ips":[1]}')
  t.strictSame(
    del.map(({ file, env }) => `${env['CNI_COMMAND']} ${file}`),
    ['DEL /bin/portmap', 'DEL /bin/flannel'],
  )
  for (const step of del) t.match(JSON.parse(step.before), { prevResult: { ips: [1] } })
})

t.test('an ADD and the DEL after it', async (t) => {
  const steps = addAndDelCalls(settings, pod)
  t.strictSame(
    steps.map(({ env, after }) => [env['CNI_COMMAND'], after]),
    [
      ['ADD', ''],
      ['DEL', '}'],
    ],
  )
})

t.test('a DEL of what is gone, by each plugin of a pod without host ports', async (t) => {
  const conf = (plugin: 'first' | 'portmap' | 'loopback') => {
    const [step, ...more] = delOfNothing(settings, pod, plugin)
    t.strictSame(more, [])
    t.equal(step?.env['CNI_COMMAND'], 'DEL')
    const { prevResult, ...rest } = JSON.parse(step?.before ?? '')
    t.equal(prevResult, undefined)
    return { file: step?.file, type: rest.type }
  }
  t.strictSame(conf('first'), { file: '/bin/flannel', type: 'flannel' })
  t.strictSame(conf('portmap'), { file: '/bin/portmap', type: 'portmap' })
  t.strictSame(conf('loopback'), { file: '/bin/loopback', type: 'loopback' })
})
