/** The kinds of machines that there are executables for. */

export interface Platform {
  /** Its name in that of an archive: Debian's, Go's and the container registries'. */
  readonly name: string
  /** Its name in Node. */
  readonly node: string
  readonly compiler: string
  /** The words of a command by which this machine runs one whose executables are of the platform. */
  command(words: readonly string[]): string[]
}

/**
 * Has executables for arm64 run as on a Debian for arm64: the kernel hands them to qemu, with their
 * own names as argv[0] (P), and what is in Debian's cross packages lies in /usr/lib. Both hold in
 * this user and mount namespace only (the first since Linux 6.7).
 */
const emulateArm64 = `
set -e
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' "$0" > /proc/sys/fs/binfmt_misc/register
mount -t overlay overlay -o lowerdir=/usr/aarch64-linux-gnu/lib:/usr/lib /usr/lib
exec "$@"
`

/** Kernel documentation, admin-guide/binfmt-misc.rst: the head of an ELF file, which bits of it count. */
const arm64Format = [
  ':flannel-ts-arm64:M:',
  String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`,
  String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`,
  '/usr/bin/qemu-aarch64-static:POCF',
].join(':')

export const platforms: readonly Platform[] = [
  { name: 'amd64', node: 'x64', compiler: 'cc', command: (words) => [...words] },
  {
    name: 'arm64',
    node: 'arm64',
    compiler: 'aarch64-linux-gnu-gcc',
    command: (words) => [
      ...['unshare', '--user', '--map-root-user', '--mount'],
      ...['sh', '-c', emulateArm64, arm64Format, ...words],
    ],
  },
]
