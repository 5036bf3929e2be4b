/** What `cni install` installs and `cni uninstall` removes. */

export interface Package {
  /** The file of the Node executable. */
  readonly executable: string
  readonly version: string
  /** The names to install, one for each plugin, and `cni`. */
  readonly names: readonly string[]
}

/** The same with all that installing it takes. */
export interface InstallSource extends Package {
  /** The bytes of the front executable, of the same version; undefined when none was made. */
  readFront(): Uint8Array | undefined
}
