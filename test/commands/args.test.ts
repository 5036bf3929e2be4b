import t from 'tap'
import { type CommandLine, parseCommandLine, UsageError } from '../../commands/args.ts'

const netns = '/run/netns/web'
const accepted: [argv: string, want: CommandLine][] = [
  ['--help', { verb: 'help' }],
  ['-h', { verb: 'help' }],
  ['help', { verb: 'help' }],
  ['add --help', { verb: 'help' }],
  ['--version', { verb: 'version' }],
  ['version', { verb: 'version' }],
  ['add cbr0 /run/netns/web', { verb: 'add', network: 'cbr0', netns }],
  ['check cbr0 /run/netns/web', { verb: 'check', network: 'cbr0', netns }],
  ['del cbr0 /run/netns/web', { verb: 'del', network: 'cbr0', netns }],
  ['add cbr0 /run/netns/web -i net1', { verb: 'add', network: 'cbr0', netns, ifName: 'net1' }],
  ['-i net1 add cbr0 /run/netns/web', { verb: 'add', network: 'cbr0', netns, ifName: 'net1' }],
  ['add --ifname=net1 cbr0 web', { verb: 'add', network: 'cbr0', netns: 'web', ifName: 'net1' }],
  ['status cbr0', { verb: 'status', network: 'cbr0' }],
  ['status cbr0 /run/netns/web', { verb: 'status', network: 'cbr0' }],
  ['gc cbr0', { verb: 'gc', network: 'cbr0' }],
  ['gc cbr0 /run/netns/web', { verb: 'gc', network: 'cbr0' }],
  ['ps', { verb: 'ps', format: 'table' }],
  ['ps --json', { verb: 'ps', format: 'json' }],
  ['serve', { verb: 'serve' }],
  ['serve --socket s.sock', { verb: 'serve', socket: 's.sock' }],
  ['install', { verb: 'install', binDir: undefined, confDir: undefined, conflist: undefined }],
  [
    'install --bin-dir /b --conf-dir=c --conflist f',
    { verb: 'install', binDir: '/b', confDir: 'c', conflist: 'f' },
  ],
  [
    'uninstall --bin-dir /b',
    { verb: 'uninstall', binDir: '/b', confDir: undefined, dryRun: false, force: false },
  ],
  [
    'uninstall --dry-run --force',
    { verb: 'uninstall', binDir: undefined, confDir: undefined, dryRun: true, force: true },
  ],
]

const refused: [argv: string, want: string | RegExp][] = [
  ['', /^no command: expected one of add, .*, install, uninstall, serve, version$/],
  ['ad cbr0 x', /^unknown command "ad": expected one of add, /],
  ['ADD cbr0 x', /^unknown command "ADD"/],
  ['add', 'add needs a network and a network namespace: cni add NETWORK NETNS'],
  ['del cbr0', 'del needs a network namespace: cni del NETWORK NETNS'],
  ['status', 'status needs a network: cni status NETWORK'],
  ['add cbr0 web eth0', 'too many arguments, from "eth0" on'],
  ['add cbr0 web --fast', /^Unknown option '--fast'/],
  ['ps cbr0', 'too many arguments, from "cbr0" on'],
  ['ps --force', 'ps has no option --force; it has --json'],
  ['status cbr0 -i eth0', 'status has no option --ifname; it has none'],
  ['serve cbr0', 'too many arguments, from "cbr0" on'],
  ['serve --json', 'serve has no option --json; it has --socket'],
  ['install --socket s', /^install has no option --socket; /],
  ['install --dry-run', /^install has no option --dry-run; it has --bin-dir, --conf-dir, /],
  ['uninstall --bin-dir=', '--bin-dir needs a value, and has an empty one'],
  ['serve --socket=', '--socket needs a value, and has an empty one'],
  ['add cbr0 web -i', /^Option '-i, --ifname <value>' argument missing/],
]

const split = (text: string) => text.split(' ').filter((word) => word !== '')

t.test('reads command lines', async (t) => {
  for (const [argv, want] of accepted) t.strictSame(parseCommandLine(split(argv)), want, argv)
})

t.test('says what is wrong with others', async (t) => {
  for (const [argv, want] of refused) {
    t.throws(() => parseCommandLine(split(argv)), { name: 'UsageError', message: want }, argv)
    t.throws(() => parseCommandLine(split(argv)), UsageError)
  }
})
