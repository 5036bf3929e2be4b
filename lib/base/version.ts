import manifest from '../../package.json' with { type: 'json' }

/** The version of this plugin set. */
export const version: string = manifest.version
