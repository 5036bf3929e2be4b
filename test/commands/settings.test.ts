import t from 'tap'
import {
  identify,
  readFolders,
  readInstallSettings,
  readSettings,
} from '../../commands/settings.ts'
import { attachment } from '../support/libcni.ts'
import { thrown } from '../support/thrown.ts'

const defaults = {
  confDir: '/etc/cni/net.d',
  path: '/usr/local/bin:/opt/cni/bin',
  cacheDir: '/var/lib/cni',
  ifName: 'eth0',
}

t.test('has defaults', async (t) => {
  t.strictSame(readSettings({}, '/usr/local/bin'), defaults)
  const empty = { NETCONFPATH: '', CNI_PATH: '', CNI_ARGS: '', CAP_ARGS: '', CNI_IFNAME: '' }
  t.strictSame(readSettings(empty, '/usr/local/bin'), defaults)
})

t.test('reads the environment of cnitool', async (t) => {
  const env = {
    NETCONFPATH: '/conf',
    CNI_PATH: '/a:/b',
    CNI_CACHE_DIR: '/cache',
    CNI_IFNAME: 'net1',
    CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web',
    CAP_ARGS: '{"ips":["10.0.0.1"]}',
  }
  t.strictSame(readSettings(env, '/bin'), {
    confDir: '/conf',
    path: '/a:/b',
    cacheDir: '/cache',
    ifName: 'net1',
    args: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAME', 'web'],
    ],
    capabilityArgs: { ips: ['10.0.0.1'] },
  })
})

const refused: [env: Record<string, string>, msg: string | RegExp][] = [
  [{ CNI_ARGS: 'a=b;' }, 'invalid CNI_ARGS pair ""'],
  [{ CNI_ARGS: 'a=b;c=' }, 'invalid CNI_ARGS pair "c="'],
  [{ CNI_ARGS: 'a=b=c' }, 'invalid CNI_ARGS pair "a=b=c"'],
  [{ CNI_ARGS: '=b' }, 'invalid CNI_ARGS pair "=b"'],
  [{ CAP_ARGS: '[1]' }, 'invalid CAP_ARGS: found [1]'],
  [{ CAP_ARGS: '{' }, /^invalid CAP_ARGS: Expected property name/],
]

t.test('says what is malformed', async (t) => {
  for (const [env, message] of refused) {
    const error = thrown(() => readSettings(env, '/bin'))
    t.match(error, { code: 4, message, details: /./ })
  }
})

t.test('identifies a namespace as cnitool does', async (t) => {
  const { netns, containerId } = attachment
  for (const [cwd, path] of [
    ['/', '/run/netns/web'],
    ['/run/netns', 'web'],
    ['/run/x', '../netns//web/'],
  ] as const) {
    t.strictSame(identify(cwd, path), { netns, containerId }, path)
  }
})

t.test('installs where options, the environment or habit say', async (t) => {
  const usual = { binDir: '/opt/cni/bin', confDir: '/etc/cni/net.d' }
  t.strictSame(readFolders({ CNI_BIN_DIR: '', NETCONFPATH: '' }, '/', {}), usual)
  const socket = '/run/flannel-cni/cni.sock'
  const env = { CNI_BIN_DIR: '/host/bin', NETCONFPATH: 'conf', CNI_CONFLIST: 'flannel.json' }
  const named = { binDir: '/host/bin', confDir: '/x/conf', conflist: '/x/flannel.json', socket }
  t.strictSame(readInstallSettings(env, '/x', { conflist: undefined }), named)
  const options = { binDir: 'b', confDir: '/c', conflist: 'my.conflist' }
  const chosen = {
    binDir: '/x/b',
    confDir: '/c',
    conflist: '/x/my.conflist',
    socket: '/run/mine.sock',
  }
  t.strictSame(
    readInstallSettings({ ...env, FLANNEL_CNI_SOCKET: '/run/mine.sock' }, '/x', options),
    chosen,
  )
  t.equal(readInstallSettings({}, '/', { conflist: undefined }).conflist, undefined)
})
