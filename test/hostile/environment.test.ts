/**
 * Environments that would have other code run, or files written: the packaged executables do in
 * them what they always do. A variable is added to the list by one line.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Tools } from '../../lib/firewall/node-tool.ts'
import { frontSkip } from '../../scripts/lab/executables.ts'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { firewallSkip, natRules } from '../support/firewall.ts'
import type { Output } from '../support/plugin-call.ts'
import { confOf, makeQuarantine, type Quarantine } from '../support/quarantine.ts'
import { filesBelow } from '../support/snapshot.ts'

const skip = kernelSkip() || firewallSkip()

/** Variables, each by what stands in it when `$dir` is a folder of somebody else's. */
const variables: readonly string[] = [
  ...['NODE_OPTIONS=--require=$dir/index.cjs', 'NODE_OPTIONS=--import=$dir/index.cjs'],
  ...['NODE_OPTIONS=--inspect-brk=0', 'NODE_OPTIONS=--no-such-option', 'NODE_PATH=$dir'],
  ...['NODE_EXTRA_CA_CERTS=/nowhere', 'NODE_TLS_REJECT_UNAUTHORIZED=0', 'NODE_USE_SYSTEM_CA=1'],
  ...['NODE_USE_ENV_PROXY=1', 'HTTPS_PROXY=http://127.0.0.1:1', 'NODE_UNIQUE_ID=1'],
  ...['NODE_PRESERVE_SYMLINKS=1', 'NODE_PRESERVE_SYMLINKS_MAIN=1', 'NODE_NO_WARNINGS=1'],
  ...['NODE_NAME=node-1', 'NODE_TEST_CONTEXT=child-v8', 'FORCE_COLOR=1', 'SSLKEYLOGFILE=$dir/keys'],
  ...['SSL_CERT_FILE=$dir/index.cjs', 'SSL_CERT_DIR=$dir', 'QLOGDIR=$dir', 'OPENSSL_ia32cap=0'],
  ...['ICU_DATA=$dir', 'ICU_TIMEZONE_FILES_DIR=$dir', 'GLIBC_TUNABLES=glibc.malloc.check=3'],
  ...['TMPDIR=$dir', 'HOME=$dir', 'UV_THREADPOOL_SIZE=0', 'UV_USE_IO_URING=1', 'TZ=$dir'],
  ...['LC_ALL=x_Y.z', 'LANGUAGE=$dir', 'GCONV_PATH=$dir', 'LOCPATH=$dir', 'BASH_ENV=$dir/nft'],
  ...['ENV=$dir/nft', 'IFS=/', 'XTABLES_LIBDIR=$dir', 'XTABLES_LOCKFILE=$dir/lock'],
  ...['IPTABLES_LIB_DIR=$dir', 'RES_OPTIONS=debug', 'MALLOC_CHECK_=3', 'FLANNEL_CNI_SOCKET='],
]

/** The same for those that Node or the loader read before any of our code: the front takes them out. */
const early: readonly string[] = [
  ...['NODE_V8_COVERAGE=$dir/coverage', 'NODE_COMPILE_CACHE=$dir/cache', 'NODE_DEBUG=*'],
  ...['NODE_DEBUG_NATIVE=MKSNAPSHOT', 'NODE_REPL_EXTERNAL_MODULE=$dir/index.cjs'],
  ...['NODE_REDIRECT_WARNINGS=$dir/warnings', 'NODE_PENDING_DEPRECATION=1'],
  ...[
    'NODE_CHANNEL_FD=x',
    'NODE_CHANNEL_FD=0',
    'NODE_ICU_DATA=$dir',
    'OPENSSL_CONF=$dir/index.cjs',
  ],
  ...['OPENSSL_CONF_INCLUDE=$dir', 'OPENSSL_MODULES=$dir', 'OPENSSL_ENGINES=$dir'],
  ...['LD_PRELOAD=$dir/libc.so.6', 'LD_PRELOAD=libnowhere.so', 'LD_LIBRARY_PATH=$dir'],
  ...['LD_AUDIT=$dir/libc.so.6', 'LD_DEBUG=all', 'LD_BIND_NOW=1', 'LD_TRACE_LOADED_OBJECTS=1'],
  ...['LD_SHOW_AUXV=1', 'LD_PROFILE=libc.so.6', 'LD_ASSUME_KERNEL=2.2.5', 'LD_HWCAP_MASK=0'],
]

/** Search paths that lead to programs of somebody else; the working directory is their folder. */
const searchPaths = ['', '.', '$dir', 'bin:$dir:/usr/bin', ':', '$dir/../stranger', '/nowhere']

const programs = [
  ...['nft', 'iptables', 'iptables-save', 'iptables-restore', 'ip6tables', 'ip', 'sh', 'cni'],
  ...['iptables-nft', 'iptables-legacy', 'modprobe', 'conntrack', 'sysctl', 'nsenter'],
]

/** Makes a folder that anybody can write, with programs and libraries that leave a mark. */
function plant({ node }: Quarantine): string {
  const dir = join(node.dir, 'stranger')
  mkdirSync(join(dir, 'bin'), { recursive: true })
  chmodSync(dir, 0o777)
  for (const name of programs) {
    for (const path of [join(dir, name), join(dir, 'bin', name)]) {
      writeFileSync(path, `#!/bin/sh\n: > ${dir}/ran-${name}\n`, { mode: 0o777 })
    }
  }
  const code = `require('node:fs').writeFileSync('${dir}/ran-code', '')`
  for (const name of ['index.cjs', 'fs.js', 'ajv.js', 'zoneinfo64.res'])
    writeFileSync(join(dir, name), code)
  for (const name of ['libc.so.6', 'libm.so.6', 'libstdc++.so.6']) {
    writeFileSync(join(dir, name), 'no library')
  }
  return dir
}

const bridge = { bridge: 'cni0', isGateway: true, ipMasq: true }

type Call = (plugin: string, command: string, conf: object) => Promise<Output>

/** Attaches and detaches the pod in an environment with this change, as env(1) takes it. */
async function attaches(
  t: Test,
  node: Quarantine,
  dir: string,
  change: string,
  meanwhile = (_call: Call, _prevResult: Output) => Promise.resolve(),
): Promise<void> {
  const files = filesBelow(dir)
  const variable = change.replaceAll('$dir', dir)
  const call: Call = async (plugin, CNI_COMMAND, conf) => {
    const script = `cd ${dir} && exec /usr/bin/env '${variable}' "$1"`
    const outcome = await node.shell(plugin, script, { CNI_COMMAND }, confOf(conf))
    const { code, stdout, stderr } = outcome
    t.strictSame({ code, stderr }, { code: 0, stderr: '' }, `${plugin} ${variable}: ${stdout}`)
    return JSON.parse(stdout || '{}') as Output // tests show it
  }
  const prevResult = await call('bridge', 'ADD', bridge)
  t.match(prevResult, { cniVersion: '1.1.0', ips: [{ gateway: '10.1.2.1' }] }, variable)
  await meanwhile(call, prevResult)
  await call('bridge', 'DEL', { ...bridge, prevResult })
  t.strictSame(filesBelow(dir), files, `${variable}: no other program, and no file`)
}

t.test('variables that change nothing', { skip }, async (t) => {
  const node = makeQuarantine(t)
  const dir = plant(node)
  for (const variable of variables) await attaches(t, node, dir, variable)
})

t.test('variables that Node and the loader read', { skip: skip || frontSkip() }, async (t) => {
  const node = makeQuarantine(t)
  const dir = plant(node)
  for (const variable of early) await attaches(t, node, dir, variable)
})

t.test('search paths', { skip }, async (t) => {
  const node = makeQuarantine(t)
  const dir = plant(node)
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
  for (const path of searchPaths) {
    await attaches(t, node, dir, `PATH=${path}`, async (call, prevResult) => {
      const ports = { prevResult, runtimeConfig: { portMappings } }
      await call('portmap', 'ADD', ports)
      t.ok(natRules(node.node, 4).length > 0, 'the node’s own programs have run')
      await call('portmap', 'DEL', ports)
    })
  }
})

t.test('search paths on a node without programs of its own', { skip }, async (t) => {
  const node = makeQuarantine(t)
  const dir = plant(node)
  const own = ['nft', 'iptables', 'iptables-restore'].flatMap(
    (name) => new Tools().find(name) ?? [],
  )
  const hide = own.map((file) => `mount --bind /dev/null ${file}`).join(' && ')
  const conf = confOf({
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    prevResult: { cniVersion: '1.1.0', ips: [{ address: '10.1.2.3/24' }] },
  })
  for (const path of [...searchPaths, '/proc/self/cwd', '/proc/$$/root$dir']) {
    const variable = `PATH=${path}`.replaceAll('$dir', dir)
    const script = `${hide} && cd ${dir} && exec /usr/bin/env "${variable}" "$1"`
    const files = filesBelow(dir)
    const { code, stdout } = await node.shell('portmap', script, { CNI_COMMAND: 'ADD' }, conf)
    t.equal(code, 1, variable)
    t.match(stdout, 'neither iptables nor nftables is usable', variable)
    t.strictSame(filesBelow(dir), files, `${variable}: no other program`)
  }
})
