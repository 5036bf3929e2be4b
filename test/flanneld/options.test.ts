import t from 'tap'
import { FlagError } from '../../flanneld/flags.ts'
import { HelpRequest, type Options, parseOptions, usage } from '../../flanneld/options.ts'

function parse(line: string, env: Record<string, string> = {}) {
  const warnings: string[] = []
  const words = line === '' ? [] : line.split(' ')
  const options = parseOptions(words, env, (message) => warnings.push(message))
  return { options, warnings }
}

t.test('the defaults are upstream’s', async (t) => {
  const { options } = parse('')
  t.match(options, {
    'etcd-endpoints': 'http://127.0.0.1:4001,http://127.0.0.1:2379',
    'etcd-prefix': '/coreos.com/network',
    'subnet-file': '/run/flannel/subnet.env',
    'kube-annotation-prefix': 'flannel.alpha.coreos.com',
    'subnet-lease-renew-margin': 60,
    'iptables-resync': 5,
    'iptables-forward-rules': true,
    'set-node-network-unavailable': true,
    'ip-masq': false,
    iface: [],
    v: 0,
  })
})

for (const [line, expected] of [
  ['-ip-masq', { 'ip-masq': true }],
  ['--ip-masq --iface eth0', { 'ip-masq': true, iface: ['eth0'] }],
  [
    '--ip-masq=false --iptables-forward-rules=F',
    { 'ip-masq': false, 'iptables-forward-rules': false },
  ],
  ['--iface=eth0 -iface eth1 --iface=10.0.0.1', { iface: ['eth0', 'eth1', '10.0.0.1'] }],
  ['--etcd-prefix=/a=b', { 'etcd-prefix': '/a=b' }],
  ['-v=0x10 --healthz-port 8080', { v: 16, 'healthz-port': 8080 }],
  ['-v 010', { v: 8 }],
  ['--etcd-prefix= --v=1', { 'etcd-prefix': '', v: 1 }],
  ['--v=1 word --v=2', { v: 1 }],
  ['--v=1 -- --v=2', { v: 1 }],
  ['--ip-masq true --v=2', { 'ip-masq': true, v: 0 }],
  ['--public-ip --ip-masq', { 'public-ip': '--ip-masq', 'ip-masq': false }],
] as [string, Partial<Options>][]) {
  t.test(`as Go reads it: ${line}`, async (t) => t.match(parse(line).options, expected))
}

for (const [line, message] of [
  ['--nothing', 'flag provided but not defined: -nothing'],
  ['-nothing=1', 'flag provided but not defined: -nothing'],
  ['--etcd-prefix', 'flag needs an argument: -etcd-prefix'],
  ['---v', 'bad flag syntax: ---v'],
  ['--=1', 'bad flag syntax: --=1'],
  ['--ip-masq=maybe', 'invalid boolean value "maybe" for flag -ip-masq: parse error'],
  ['-v=x', 'invalid value "x" for flag -v: parse error'],
  ['-v=1.5', 'invalid value "1.5" for flag -v: parse error'],
] as const) {
  t.test(`refused: ${line}`, async (t) => t.throws(() => parse(line), new FlagError(message)))
}

t.test('the environment fills in what the command line leaves', async (t) => {
  const env = {
    FLANNELD_ETCD_PREFIX: '/env',
    FLANNELD_V: '3',
    FLANNELD_IFACE: 'eth9',
    FLANNELD_IP_MASQ: 'true',
    FLANNELD_PUBLIC_IP: '',
    FLANNELD_HEALTHZ_PORT: 'many',
    FLANNELD_UNKNOWN: 'x',
  }
  const { options, warnings } = parse('--v=1 --iface=eth0', env)
  t.match(options, { 'etcd-prefix': '/env', v: 1, iface: ['eth0'], 'ip-masq': true })
  t.match(options, { 'public-ip': '', 'healthz-port': 0 })
  t.strictSame(warnings, [
    'invalid value "many" in FLANNELD_HEALTHZ_PORT: parse error: it is ignored',
  ])
})

t.test('values that cannot be', async (t) => {
  for (const [line, message, details] of [
    ['--subnet-lease-renew-margin=0', '--subnet-lease-renew-margin is 0', '1 to 1439'],
    ['--subnet-lease-renew-margin=1440', '--subnet-lease-renew-margin is 1440', '1 to 1439'],
    ['--healthz-port=-1', '--healthz-port is -1', '0 to 65535'],
    ['--iptables-resync=0', '--iptables-resync is 0', '1 to 86400'],
  ] as const) {
    t.throws(() => parse(line), { message, details: `expected ${details}` })
  }
})

t.test('help', async (t) => {
  for (const word of ['-h', '--help', '-help']) t.throws(() => parse(word), HelpRequest)
  t.match(usage(), '  -etcd-prefix string\n    \tetcd prefix (default "/coreos.com/network")\n')
  t.match(usage(), '  -ip-masq\n    \tmasquerade what leaves the network\n')
})
