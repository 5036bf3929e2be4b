/** The network configuration that comes with the plugins; a bundle holds its text. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const file = join(import.meta.dirname, '../../conf/10-flannel.conflist')

/** `conf/10-flannel.conflist`, byte for byte. */
export const conflistText = readFileSync(file, 'utf8')
