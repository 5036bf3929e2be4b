/**
 * Installs the Debian packages that tests use and this machine lacks, all or the named ones. What
 * cannot be installed is no failure: the tests that need it are skipped, and this says so.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A package, the file it is here for, and what is skipped without it. */
interface Need {
  readonly name: string
  readonly file: string
  readonly tests: string
}

/** The same for what no test uses: installed only when it is named. */
const needsOfRelease: readonly Need[] = [
  {
    name: 'gcc-aarch64-linux-gnu',
    file: 'aarch64-linux-gnu-gcc',
    tests: 'the release for arm64',
  },
  {
    name: 'libc6-dev-arm64-cross',
    file: '/usr/aarch64-linux-gnu/include/stdio.h',
    tests: 'the release for arm64',
  },
  {
    name: 'libstdc++6-arm64-cross',
    file: '/usr/aarch64-linux-gnu/lib/libstdc++.so.6',
    tests: 'the release for arm64',
  },
  {
    name: 'libatomic1-arm64-cross',
    file: '/usr/aarch64-linux-gnu/lib/libatomic.so.1',
    tests: 'the release for arm64',
  },
  { name: 'qemu-user-static', file: 'qemu-aarch64-static', tests: 'the release for arm64' },
]

const needs: readonly Need[] = [
  { name: 'iproute2', file: 'ip', tests: 'everything in network namespaces' },
  { name: 'iputils-ping', file: 'ping', tests: 'everything in network namespaces' },
  { name: 'nftables', file: 'nft', tests: 'nftables rules' },
  { name: 'iptables', file: 'iptables', tests: 'iptables rules' },
  { name: 'conntrack', file: 'conntrack', tests: 'connection tracking' },
  { name: 'tcpdump', file: 'tcpdump', tests: 'packets on the wire' },
  { name: 'strace', file: 'strace', tests: 'system calls' },
  { name: 'containerd', file: 'containerd', tests: 'the container runtime' },
  { name: 'runc', file: 'runc', tests: 'the container runtime' },
  { name: 'busybox-static', file: 'busybox', tests: 'the container runtime' },
  { name: 'gcc', file: 'cc', tests: 'the front, the benchmark' },
  { name: 'libc6-dev', file: '/usr/include/stdio.h', tests: 'the front, the benchmark' },
  { name: 'etcd-server', file: 'etcd', tests: 'leases from etcd' },
  { name: 'etcd-client', file: 'etcdctl', tests: 'leases from etcd' },
  { name: 'openssl', file: 'openssl', tests: 'leases from etcd' },
  {
    name: 'containernetworking-plugins',
    file: '/usr/lib/cni/bridge',
    tests: 'comparison with the Go plugins',
  },
]

const named = process.argv.slice(2)
const wanted = named.length === 0 ? needs : [...needs, ...needsOfRelease].filter(isNamed)
const missing = wanted.filter(isMissing)
if (missing.length > 0) install(missing)
for (const { name, file, tests } of missing.filter(isMissing)) {
  console.log(`${file} (Debian package ${name}) is missing; skipped without it: ${tests}`)
}

function isNamed({ name }: Need): boolean {
  return named.includes(name)
}

function isMissing({ file }: Need): boolean {
  if (file.startsWith('/')) return !existsSync(file)
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return !folders.some((folder) => existsSync(join(folder, file)))
}

function install(packages: readonly Need[]): void {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const names = packages.map(({ name }) => name)
  console.log(`apt-get install ${names.join(' ')}`)
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...names]]) {
    const { status } = spawnSync('apt-get', ['-qq', ...args], { env, stdio: 'inherit' })
    if (status !== 0) return
  }
}
