/**
 * A case of the comparison: calls of a plugin on a fresh node, which both implementations serve.
 *
 * `$DIR`, `$NODE`, `$POD`, `$POD2` and `$BIN` stand for the node's folder, the paths of its own and
 * its pods' network namespaces and the folder of the executables, in configurations, environments
 * and shell commands alike. `"$RESULT"` in a configuration is what the last ADD of the
 * attachment printed.
 */
export interface Case {
  /** Unique, and stable: reports name it. */
  readonly name: string
  /** The executable. */
  readonly plugin: string
  readonly conf: object
  /** Keys that replace those of every configuration for the Go plugins, which are older than ours. */
  readonly goConf?: object
  /** Commands of sh(1), run in the node's namespace before anything else. */
  readonly setUp?: string
  /** Files that are there before anything else, by their paths in the node's folder. */
  readonly files?: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
  /**
   * When the kernel is looked at: after each ADD and DEL, and after the last step, unless this says
   * otherwise. Replies and files are compared after each step.
   */
  readonly kernel?: 'after every step' | 'after changes' | 'after the last step' | 'left alone'
  /** The rows of the table of differences that this case shows, besides those of every case. */
  readonly differs?: readonly string[]
}

/** What happens next. */
export type Step = Call | Change

/** A call of the plugin. */
export interface Call {
  readonly command: string
  /** Keys that replace those of the case's configuration; one that is undefined is taken out. */
  readonly conf?: object
  /** stdin as it stands, in place of a configuration. */
  readonly stdin?: string
  /** Variables that replace those of a container's eth0; one that is undefined is taken out. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Something that somebody else does to the node: commands of sh(1) in the node's namespace. */
export interface Change {
  readonly shell: string
}
