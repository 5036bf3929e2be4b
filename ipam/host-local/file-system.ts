import { statfsSync } from 'node:fs'

/**
 * File systems that only this machine has mounted, by their numbers in linux/magic.h: ext2 to ext4,
 * XFS, Btrfs, tmpfs, overlayfs.
 */
const localFileSystems = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630])

/**
 * Whether other machines may have mounted the file system of a directory, too, as NFS. Throws Node's
 * system errors.
 */
export function mayBeShared(directory: string): boolean {
  return !localFileSystems.has(statfsSync(directory).type)
}
