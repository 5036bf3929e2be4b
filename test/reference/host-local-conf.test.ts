/** What a configuration and a runtime ask of host-local, beside the Go plugins. */
import t from 'tap'
import { comparePart } from './compare-part.ts'

comparePart(t, 'host-local-conf')
