/** The environment of a process: names and values. */
export type Environment = Readonly<Record<string, string | undefined>>
